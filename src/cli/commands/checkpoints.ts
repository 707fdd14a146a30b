import { Command } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { stateHome } from '../../core/home.ts'
import { printable } from '../../core/text.ts'
import { checkpointsOf, expiredAt } from '../../runs/answers.ts'
import type { CheckpointRow } from '../../record/index.ts'
import { SessionStore, openAsks } from '../../sessions/index.ts'
import type { Io } from '../io.ts'
import { projectIdHere, withRecord } from '../session.ts'
import { askText, askView } from '../views/ask.ts'

const EXAMPLES = `
Examples:
  belay checkpoints
  belay checkpoints --json | jq -r '.checkpoints[].id'
  belay answer cp-4k7x9m2p approve --resume
`

/** `belay checkpoints`. */
export function checkpointsCommand(io: Io): Command {
  return new Command('checkpoints')
    .description('The open questions to people: of the runs of this repository, and of sessions (belay exec --ask).')
    .option('--all', 'also questions that were answered or closed')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: { all?: true; json?: true }) => {
      const now = Date.now()
      const asks = await openAsks(new SessionStore(stateHome(io.env)))
      const asked = await askedByRuns(io, flags.all === true)
      if (flags.json) {
        const views = [...asked.map((one) => checkpointView(one, now)), ...asks.map((ask) => askView(ask, null, null))]
        io.out(JSON.stringify({ checkpoints: views }))
      } else if (asked.length + asks.length === 0)
        io.out(flags.all ? 'Nobody was asked anything yet.' : 'Nothing is asked of anybody.')
      else
        for (const line of [...asked.flatMap((one) => checkpointText(one, now)), ...asks.flatMap(askText)]) io.out(line)
    })
}

/** Questions of the runs of this repository; outside of one, only sessions have questions. */
async function askedByRuns(io: Io, all: boolean): Promise<readonly CheckpointRow[]> {
  try {
    return await withRecord(io, async (record) => checkpointsOf(record, await projectIdHere(io, record), all))
  } catch (error) {
    if (error instanceof BelayError && error.code === 'no_repository') return []
    throw error
  }
}

/** A question as printed with `--json`; `now` in ms. */
export function checkpointView(one: CheckpointRow, now: number): Record<string, unknown> {
  const { id, run, task, kind, question, options, context, answer, note, createdAt, closedAt } = one
  return {
    id,
    run,
    task,
    kind,
    question,
    options,
    context,
    status: expiredAt(one, now) === null ? one.status : 'expired',
    answer,
    note,
    created_at: createdAt,
    closed_at: closedAt,
  }
}

function checkpointText(one: CheckpointRow, now: number): string[] {
  const expired = expiredAt(one, now)
  const lines = [`${one.id}  ${one.run}/${printable(one.task)}  ${one.createdAt}`, `  ${printable(one.question)}`]
  for (const [name, value] of Object.entries(one.context)) {
    const text = contextText(value)
    if (text !== '') lines.push(`  ${name}: ${text}`)
  }
  if (expired !== null)
    lines.push(`  expired: it could be answered until ${expired}; the run goes on without: belay resume ${one.run}`)
  else if (one.status === 'open')
    lines.push(...one.options.map((value) => `  belay answer ${one.id} ${value}${withNote(value)}`))
  else
    lines.push(
      `  ${one.status}${one.answer === null ? '' : `: ${one.answer}`}${one.note === null ? '' : ` (${printable(one.note)})`}`,
    )
  return lines
}

/** Rework and retry usually need an explanation. */
function withNote(value: string): string {
  return value === 'rework' || value === 'retry' ? ' --note "what to change"' : ''
}

function contextText(value: unknown): string {
  const text = Array.isArray(value)
    ? value.map(String).join('; ')
    : typeof value === 'string'
      ? value
      : JSON.stringify(value)
  return printable(text).replace(/\s+/g, ' ').trim().slice(0, 1000)
}
