import { Command } from 'commander'
import { MARK } from '../../process/index.ts'
import { lastSeq } from '../../record/index.ts'
import { BelayError } from '../../core/errors.ts'
import { stateHome } from '../../core/home.ts'
import { answerQuestion, checkNote } from '../../runs/answers.ts'
import { refuseAgents } from '../../runs/nested.ts'
import type { Io } from '../io.ts'
import { goOn, nextStep } from '../run/work-on.ts'
import { projectIdHere, withRecord } from '../session.ts'
import { SessionStore, answerAsk } from '../../sessions/index.ts'
import { askView } from '../views/ask.ts'
import { checkpointView } from './checkpoints.ts'

const EXAMPLES = `
Examples:
  belay answer cp-4k7x9m2p approve
  belay answer cp-4k7x9m2p rework --note "Keep the old option name too" --resume
`

/** `belay answer ID VALUE`. */
export function answerCommand(io: Io): Command {
  return new Command('answer')
    .description('Answer a question (see: belay checkpoints).')
    .argument('<id>', 'id of the question')
    .argument('<value>', 'one of its options')
    .option('--note <text>', 'what the agent should know')
    .option('--resume', 'also continue the run')
    .option('--no-wait', 'with --resume: leave (exit 5) instead of waiting for an exhausted quota')
    .option('--json', 'as one JSON object; with --resume, events as NDJSON')
    .addHelpText('after', EXAMPLES)
    .action((id: string, value: string, flags: Flags) => answer(io, id, value, flags))
}

interface Flags {
  note?: string
  resume?: true
  wait: boolean
  json?: true
}

/**
 * Answers a question of a session, whose asker waits for it and continues by itself. Returns false if there is no such
 * question.
 */
async function answerSession(io: Io, id: string, value: string, flags: Flags): Promise<boolean> {
  const note = checkNote(flags.note ?? null)
  const ask = await answerAsk(new SessionStore(stateHome(io.env)), id, value, note)
  if (ask === null) return false
  if (flags.json) io.out(JSON.stringify({ checkpoint: askView(ask, value, note) }))
  else io.out(`session ${ask.session}: ${value}; it goes on`)
  return true
}

async function answer(io: Io, id: string, value: string, flags: Flags): Promise<void> {
  if (io.env[MARK] !== undefined) await withRecord(io, (record) => refuseAgents(record, io.env))
  if (await answerSession(io, id, value, flags)) return
  await withRecord(io, async (record) => {
    const project = flags.resume ? await projectIdHere(io, record) : null
    const from = (await lastSeq(record.read)) + 1
    const { checkpoint, run } = await answerQuestion(record, { id, value, note: flags.note ?? null })
    if (project === null) {
      if (flags.json) io.out(JSON.stringify({ checkpoint: checkpointView(checkpoint, Date.now()) }))
      else io.out(`${checkpoint.task}: ${value}; ${await nextStep(record, run)}`)
      return
    }
    if (run.project !== project) {
      throw new BelayError('run_elsewhere', `the answer is stored, but run ${run.id} belongs to another repository`, {
        next: `belay resume ${run.id} (in that repository)`,
      })
    }
    await goOn(io, record, null, run, { json: flags.json === true, verbose: false, noWait: !flags.wait, from })
  })
}
