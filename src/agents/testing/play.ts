import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { basename } from 'node:path'
import { expect } from 'vitest'
import { randomId } from '../../core/ids.ts'
import { findMarked } from '../../process/index.ts'
import { ALONE } from '../turn.ts'
import type { Agent, Item, TurnEnd, TurnError, TurnEvent, TurnRequest } from '../port.ts'
import type { Scene } from './harness.ts'

/** How long an abort may take beyond `graceMs`; generous, because the machine may be busy. */
const A_LITTLE_MS = 15_000

export interface Played {
  readonly events: readonly TurnEvent[]
  readonly end: TurnEnd
  /** The last version of each item. */
  readonly items: readonly Item[]
  readonly session: string | null
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number; readonly costUsd: number | null }
}

/** A request as the kernel would make it, for a scene. */
export function requestIn(scene: Scene, cwd: string, more: Partial<TurnRequest> = {}): TurnRequest {
  return {
    role: 'implementer',
    prompt: 'Do what the task says.',
    outputSchema: null,
    cwd,
    env: scene.env,
    model: null,
    effort: null,
    access: 'workspace-write',
    command: scene.command,
    resume: null,
    task: { handle: 'T001', title: 'A task' },
    attempt: 1,
    run: 'run-1',
    mark: `conformance/${randomId(12)}`,
    signal: new AbortController().signal,
    graceMs: 1500,
    ...ALONE,
    ...more,
  }
}

/** Plays one turn to its end and checks what holds for every turn: one `end`, last, and no process left. */
export async function play(
  agent: Agent,
  request: TurnRequest,
  onEvent: (event: TurnEvent) => void = () => {},
): Promise<Played> {
  const events: TurnEvent[] = []
  for await (const event of agent.turn(request)) {
    events.push(event)
    onEvent(event)
  }
  expect(events.filter((event) => event.type === 'end')).toHaveLength(1)
  const last = events.at(-1)
  if (last?.type !== 'end') throw new Error('the last event is not the end')
  expect(findMarked(request.mark)).toEqual([])
  const sessions = events.filter((event) => event.type === 'session')
  return {
    events,
    end: last.end,
    items: [...new Map(events.filter((event) => event.type === 'item').map(({ item }) => [item.id, item])).values()],
    session: sessions.findLast(({ native }) => native !== null)?.native ?? null,
    usage: sumUsage(events),
  }
}

function sumUsage(events: readonly TurnEvent[]): Played['usage'] {
  let [inputTokens, outputTokens] = [0, 0]
  let costUsd: number | null = 0
  for (const event of events) {
    if (event.type !== 'usage') continue
    inputTokens += event.usage.inputTokens
    outputTokens += event.usage.outputTokens
    costUsd = costUsd === null || event.usage.costUsd === null ? null : costUsd + event.usage.costUsd
  }
  return { inputTokens, outputTokens, costUsd }
}

/** Aborts the turn when `ready` resolves, and checks that it ends within the grace and a little. */
export async function playAborted(agent: Agent, request: TurnRequest, ready: Promise<void>): Promise<Played> {
  const abort = new AbortController()
  const playing = play(agent, { ...request, signal: abort.signal })
  const early = playing.then(({ end }) => `it ended before it could be interrupted: ${JSON.stringify(end)}`)
  expect(await Promise.race([ready, early])).toBeUndefined()
  const abortedAt = performance.now()
  abort.abort()
  const played = await playing
  expect(performance.now() - abortedAt).toBeLessThan(request.graceMs + A_LITTLE_MS)
  return played
}

export function completed({ end }: Played): Extract<TurnEnd, { status: 'completed' }> {
  if (end.status !== 'completed') throw new Error(`not completed: ${JSON.stringify(end)}`)
  return end
}

export function errorOf({ end }: Played): TurnError {
  if (end.status !== 'failed') throw new Error(`not failed: ${JSON.stringify(end)}`)
  return end.error
}

/** The agent's own processes: those with the mark, except the keeper's shells and pipes. */
export function programPids(mark: string): number[] {
  return findMarked(mark).filter((pid) => {
    const argv = argvOfPid(pid)
    return argv.length > 0 && !argv.includes('belay-keeper') && basename(argv[0] ?? '') !== 'cat'
  })
}

function argvOfPid(pid: number): string[] {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
          .trim()
          .split(' ')
  } catch {
    return [] // the process ended meanwhile
  }
}

/** A command line that runs `script` with the real command line as "$@". */
export function wrapped(scene: Scene, script: string): readonly string[] {
  return ['/bin/sh', '-c', script, 'sh', ...scene.command]
}
