import { Command } from 'commander'
import {
  EVENT_TYPES,
  listRuns,
  listTasks,
  readEvents,
  type EventFilter,
  type RecordStore,
  type RecordedEvent,
} from '../../record/index.ts'
import { parseDuration } from '../../core/duration.ts'
import { BelayError } from '../../core/errors.ts'
import { head, nearest, printable } from '../../core/text.ts'
import { eventLine } from '../event-line.ts'
import { listenForEnd } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { countFlag } from '../numbers.ts'
import { describeAny } from '../run/describe.ts'
import { projectIdHere, selectRun, withRecord } from '../session.ts'
import { tailEvents } from '../tail.ts'
import { localTime } from '../views/format.ts'

interface Flags {
  follow?: true
  from?: string
  since?: string
  run?: string
  task?: string
  type?: string
  json?: true
}

const EXAMPLES = `
Examples:
  belay events --type 'gate.*'               what the gates said
  belay events --follow --json               NDJSON, as it happens
  belay events --since 10m                   the last ten minutes
  belay events --follow --json --from 1234   continue exactly after seq 1233
  belay events --run 20261121-101500-k3x9pf --task T003

Without --run these are the events of all runs of this repository, oldest first. --follow ends with Ctrl-C (exit 130).
`

/** `belay events`. */
export function eventsCommand(io: Io): Command {
  return new Command('events')
    .description('What happened in the runs of this repository, event by event.')
    .option('--follow', 'keep printing new events, until Ctrl-C')
    .option('--from <seq>', 'begin with this sequence number (inclusive)')
    .option('--since <time>', 'only events since then: a duration such as 2h, or a time such as 2026-11-21T10:15Z')
    .option('--run <run>', 'only events of this run, even if it belongs to another repository')
    .option('--task <task>', 'only events of this task: its handle, or RUN/HANDLE')
    .option('--type <glob>', 'only events of these types: * matches anything, as in gate.*')
    .option('--json', 'event lines as NDJSON')
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => events(io, flags))
}

async function events(io: Io, flags: Flags): Promise<void> {
  const from = countFlag('--from', flags.from) ?? 1
  const since = sinceFlag(flags.since)
  await withRecord(io, async (record) => {
    const filter = { ...(await whatToShow(io, record, flags)), from, ...(since === null ? {} : { since }) }
    const end = listenForEnd(io)
    let run: string | null = null
    try {
      await tailEvents(io, record, filter, { follow: flags.follow === true, signal: end.signal }, (event) => {
        if (flags.json) io.out(eventLine(event))
        else {
          if (event.run !== null && event.run !== run) io.out(`run ${event.run}`)
          run = event.run ?? run
          io.out(eventText(event))
        }
      })
    } finally {
      end.dispose()
    }
  })
}

/** A time, or the time that lies a duration ago, in the record's format. */
function sinceFlag(text: string | undefined): string | null {
  if (text === undefined) return null
  const ago = parseDuration(text)
  const time = ago !== null ? Date.now() - ago : /^\d{4}-\d\d-\d\d(T|$)/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(time)) return new Date(time).toISOString()
  throw new BelayError('usage', '--since takes a time', {
    expected: 'a duration such as 90s, 10m or 2h, or a time such as 2026-11-21 or 2026-11-21T10:15:00Z',
    received: text,
  })
}

async function whatToShow(io: Io, record: RecordStore, flags: Flags): Promise<EventFilter> {
  if (flags.type !== undefined) await checkType(record, flags.type)
  const project = await projectOf(io, record, flags.run !== undefined)
  const asked = splitTask(flags.task, await runIds(record, project))
  const id = flags.run ?? asked.run
  const chosen = id === undefined ? null : await selectRun(record, project, id)
  if (asked.task !== undefined && !flags.follow) {
    await checkTask(record, chosen === null ? await runIds(record, project) : [chosen.id], asked.task)
  }
  return {
    ...(chosen === null ? { project } : { run: chosen.id }),
    ...(asked.task === undefined ? {} : { task: asked.task }),
    ...(flags.type === undefined ? {} : { type: flags.type }),
  }
}

/** The id of the project here. `anywhere`: a run named by its id is found from any folder, so no project is needed (''). */
async function projectOf(io: Io, record: RecordStore, anywhere: boolean): Promise<string> {
  try {
    return await projectIdHere(io, record)
  } catch (error) {
    if (anywhere && error instanceof BelayError) return ''
    throw error
  }
}

function splitTask(
  name: string | undefined,
  runs: readonly string[],
): { readonly run?: string; readonly task?: string } {
  if (name === undefined) return {}
  const run = runs.find((id) => name.startsWith(`${id}/`))
  return run === undefined ? { task: name } : { run, task: name.slice(run.length + 1) }
}

async function runIds(record: RecordStore, project: string): Promise<string[]> {
  return (await listRuns(record.read, project)).map((run) => run.id)
}

/** Refuses a mistyped handle, which would print nothing, as if nothing had happened. */
async function checkTask(record: RecordStore, runs: readonly string[], handle: string): Promise<void> {
  const handles = new Set<string>()
  for (const run of runs) for (const task of await listTasks(record.read, run)) handles.add(task.handle)
  if (handles.has(handle)) return
  const near = nearest(handle, [...handles])
  throw new BelayError('task_unknown', `there is no task "${handle}"`, {
    expected: [...handles].slice(0, 20).join(', ') || 'no run has been made in this repository yet',
    received: handle,
    next: near === null ? 'belay status' : `did you mean ${near}?`,
  })
}

/**
 * Refuses a mistyped type, which would print nothing, as if nothing had happened. The record may have types that this version
 * does not know.
 */
async function checkType(record: RecordStore, glob: string): Promise<void> {
  const like = new RegExp(`^${glob.replace(/[\\^$.|?+()[\]{}]/g, '\\$&').replace(/\*+/g, '.*')}$`, 'is')
  if (EVENT_TYPES.some((type) => like.test(type))) return
  if ((await readEvents(record.read, { type: glob, limit: 1 })).length > 0) return
  const families = [...new Set(EVENT_TYPES.map((type) => type.replace(/\..*$/, '.*')))]
  const near = nearest(glob, [...EVENT_TYPES, ...families])
  throw new BelayError('usage', `no event type is "${printable(head(glob, 100))}"`, {
    expected: families.join(', '),
    received: glob,
    next: near === null ? 'docs/events.md lists all types' : `did you mean ${near}?`,
  })
}

function eventText(event: RecordedEvent): string {
  return `${String(event.seq).padStart(6)}  ${localTime(event.time)}  ${describeAny(event)}`
}
