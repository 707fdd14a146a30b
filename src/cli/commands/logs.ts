import { Command, Option } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { printable } from '../../core/text.ts'
import { isEnd } from '../../kernel/index.ts'
import { findTask, listSessions, type RecordStore } from '../../record/index.ts'
import { eventLine } from '../event-line.ts'
import { listenForEnd } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { countFlag } from '../numbers.ts'
import { RawFrames } from '../raw-frames.ts'
import { projectIdHere, selectTask, withRecord, type TaskChoice } from '../session.ts'
import { poll, tailEvents, type TailOptions } from '../tail.ts'
import { Transcript } from '../views/transcript.ts'

interface Flags {
  attempt?: string
  role?: string
  follow?: true
  raw?: true
  json?: true
}

interface Wanted {
  readonly attempt: number | null
  readonly role: string | null
}

const EXAMPLES = `
Examples:
  belay logs T003                        everything its agents said and did
  belay logs T003 --attempt 2 --role implementer
  belay logs T003 --follow               until the task has ended, or Ctrl-C (exit 130)
  belay logs T003 --raw                  the frames as the agents wrote them
`

/** `belay logs TASK`. */
export function logsCommand(io: Io): Command {
  return new Command('logs')
    .description("What a task's agents said and did, attempt by attempt.")
    .argument('<task>', 'handle in the newest run of this repository, or RUN/HANDLE')
    .option('--attempt <n>', 'only of this attempt')
    .addOption(new Option('--role <role>', 'only of this role').choices(['implementer', 'reviewer', 'batch', 'step']))
    .option('--follow', 'keep printing what is said, until the task has ended')
    .option('--raw', 'what the agents wrote, frame by frame, before any interpretation')
    .option('--json', 'event lines as NDJSON; with --raw one object per frame')
    .addHelpText('after', EXAMPLES)
    .action((name: string, flags: Flags) => logs(io, name, flags))
}

async function logs(io: Io, name: string, flags: Flags): Promise<void> {
  const wanted: Wanted = { attempt: countFlag('--attempt', flags.attempt), role: flags.role ?? null }
  await withRecord(io, async (record) => {
    const choice = await selectTask(record, await projectIdHere(io, record), name)
    if (!flags.follow) await checkAttempt(record, choice, wanted)
    const end = listenForEnd(io)
    const options: TailOptions = {
      follow: flags.follow === true,
      signal: end.signal,
      over: () => ended(record, choice),
    }
    try {
      const shown = await (flags.raw ? raw : items)(io, record, choice, wanted, options, flags.json === true)
      if (shown === 0 && !end.signal.aborted)
        io.note(
          `nothing was said yet${wanted.attempt === null && wanted.role === null ? '' : ' that fits'}; see: belay show ${choice.ref}`,
        )
    } finally {
      end.dispose()
    }
  })
}

async function ended(record: RecordStore, { run, task }: TaskChoice): Promise<boolean> {
  const now = await findTask(record.read, run.id, task.handle)
  return now === null || isEnd(now.status)
}

async function checkAttempt(record: RecordStore, { run, task, ref }: TaskChoice, { attempt }: Wanted): Promise<void> {
  if (attempt === null) return
  const most = Math.max(
    task.attempt,
    ...(await listSessions(record.read, run.id, task.handle)).map((one) => one.attempt),
  )
  if (attempt <= most) return
  throw new BelayError(
    'attempt_unknown',
    `${task.handle} has had ${most === 0 ? 'no attempt yet' : `${most} attempt${most === 1 ? '' : 's'}`}`,
    {
      expected: most === 0 ? 'no --attempt' : `1 to ${most}`,
      received: String(attempt),
      next: `belay show ${ref}`,
    },
  )
}

type Show = (
  io: Io,
  record: RecordStore,
  choice: TaskChoice,
  wanted: Wanted,
  options: TailOptions,
  json: boolean,
) => Promise<number>

const items: Show = async (io, record, { run, task }, wanted, options, json) => {
  const transcript = new Transcript()
  let shown = 0
  const filter = { run: run.id, task: task.handle, type: 'item.*', from: 1 }
  await tailEvents(io, record, filter, options, (event) => {
    if (wanted.role !== null && event.actor !== wanted.role) return
    if (wanted.attempt !== null && event.data['attempt'] !== wanted.attempt) return
    shown += 1
    if (json) io.out(eventLine(event))
    else for (const line of transcript.lines(event)) io.out(line)
  })
  return shown
}

const raw: Show = async (io, record, { run, task }, wanted, options, json) => {
  const frames = new RawFrames(record, { run: run.id, task: task.handle, ...wanted })
  let shown = 0
  await poll(io, record, options, () =>
    frames.look((session, frame) => {
      shown += 1
      if (json) io.out(JSON.stringify({ ...frame, session: session.id, role: session.role }))
      // A terminal would obey control sequences; a file gets the frame unchanged.
      else io.out(io.stdoutIsTerminal ? printable(frame.frame) : frame.frame)
    }),
  )
  return shown
}
