import { Command } from 'commander'
import { printable } from '../../core/text.ts'
import { checkpointsOf } from '../../runs/answers.ts'
import type { CheckpointRow } from '../../record/index.ts'
import type { Io } from '../io.ts'
import { here, withRecord } from '../session.ts'

const EXAMPLES = `
Examples:
  belay checkpoints
  belay checkpoints --json | jq -r '.checkpoints[].id'
  belay answer cp-4k7x9m2p approve --resume
`

/** `belay checkpoints`. */
export function checkpointsCommand(io: Io): Command {
  return new Command('checkpoints')
    .description('What is asked of a person in the runs of this repository.')
    .option('--all', 'also questions that were answered or ended')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: { all?: true; json?: true }) => {
      const repository = await here(io)
      await withRecord(io, async (record) => {
        const asked = await checkpointsOf(record, repository.id, flags.all === true)
        if (flags.json) io.out(JSON.stringify({ checkpoints: asked.map(checkpointView) }))
        else if (asked.length === 0)
          io.out(flags.all ? 'Nobody was asked anything yet.' : 'Nothing is asked of anybody.')
        else for (const line of asked.flatMap(checkpointText)) io.out(line)
      })
    })
}

/** A question as it is printed with `--json`. */
export function checkpointView(one: CheckpointRow): Record<string, unknown> {
  const { id, run, task, kind, question, options, context, status, answer, note, createdAt, closedAt } = one
  return {
    id,
    run,
    task,
    kind,
    question,
    options,
    context,
    status,
    answer,
    note,
    created_at: createdAt,
    closed_at: closedAt,
  }
}

function checkpointText(one: CheckpointRow): string[] {
  const lines = [`${one.id}  ${one.run}/${printable(one.task)}  ${one.createdAt}`, `  ${printable(one.question)}`]
  for (const [name, value] of Object.entries(one.context)) {
    const text = contextText(value)
    if (text !== '') lines.push(`  ${name}: ${text}`)
  }
  if (one.status === 'open') lines.push(`  belay answer ${one.id} ${one.options.join('|')}`)
  else
    lines.push(
      `  ${one.status}${one.answer === null ? '' : `: ${one.answer}`}${one.note === null ? '' : ` (${printable(one.note)})`}`,
    )
  return lines
}

function contextText(value: unknown): string {
  const text = Array.isArray(value)
    ? value.map(String).join('; ')
    : typeof value === 'string'
      ? value
      : JSON.stringify(value)
  return printable(text).replace(/\s+/g, ' ').trim().slice(0, 1000)
}
