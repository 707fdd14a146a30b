import { spawn, type IOType } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { accessSync, constants, statSync } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { inheritedDescriptors } from './inherited.ts'
import { KEEPER } from './keeper.ts'
import { startTimeOf, type ProcessIdentity } from './identity.ts'
import { DEPTH, depthOf } from './depth.ts'
import { MARK, killQuietly } from './leftovers.ts'

export interface ProcessSpec {
  /** Program and arguments. A program without a slash is looked up in `env.PATH`. */
  readonly argv: readonly string[]
  readonly cwd: string
  /** The complete environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** `none`: /dev/null. `open`: a stream that the caller writes to and ends. Otherwise: this text, then end of file. */
  readonly stdin: 'none' | 'open' | { readonly text: string }
  /** The mark for the program and its descendants; see `taskMark` in leftovers.ts. */
  readonly mark: string
  /**
   * Merge stdout and stderr into one stream, in the order they were written. Best effort: programs that are started elsewhere
   * (containers, remote machines) keep two streams.
   */
  readonly merged?: boolean
}

/** How a program ended. If a signal ended it, `code` is 128 + its number, as in a shell. Both null: unknown. */
export interface Exit {
  readonly code: number | null
  readonly signal: string | null
}

export interface KeptProcess {
  readonly identity: ProcessIdentity
  readonly stdin: Writable | null
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves when the program itself has ended; its output may still be in the pipes. Never rejects. */
  readonly exited: Promise<Exit>
  /**
   * Resolves when the program and its output streams have ended and its group has been killed. Processes that still write after
   * `exited` are killed after a short grace period.
   */
  readonly closed: Promise<Exit>
  /** Kills the whole group at once; resolves like `closed`. Safe to repeat. */
  end(): Promise<Exit>
}

/** How long the output may be silent after the program ended, before processes that still hold the pipes are killed. */
const QUIET_MS = 500
/**
 * How long output may continue after the program ended. The program's own last output fits into the pipes; the rest is other
 * processes' output.
 */
const DRAIN_MS = 10_000
const LOOK_MS = 50

/**
 * Absolute path of the program that `argv0` names; null: there is no executable file. Relative paths with a slash are resolved
 * against `cwd`.
 */
export function resolveProgram(argv0: string, cwd: string, path: string | undefined): string | null {
  const candidates = argv0.includes('/')
    ? [isAbsolute(argv0) ? argv0 : resolve(cwd, argv0)]
    : (path ?? '')
        .split(delimiter)
        .filter((folder) => folder !== '')
        .map((folder) => join(folder, argv0))
  return candidates.find(isRunnable) ?? null
}

function isRunnable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false // missing, or not executable for this user
  }
}

/**
 * Starts a program under a keeper (see keeper.ts), so that its whole process group ends when Belay does. Throws if no process
 * can be started at all (no such folder, no resources). Callers check first that the program exists, with `resolveProgram`.
 * `nine`: a descriptor that the program gets as its descriptor 9; the caller closes it.
 */
export function spawnKept(spec: ProcessSpec, nine: number | null = null): KeptProcess {
  const [mode, err] = [spec.stdin === 'none' ? 'none' : 'pipe', spec.merged === true ? 'merged' : 'apart']
  const child = spawn('/bin/sh', ['-c', KEEPER, 'belay-keeper', mode, err, ...spec.argv], {
    cwd: spec.cwd,
    env: { ...spec.env, [MARK]: spec.mark, [DEPTH]: String(depthOf(process.env) + 1) },
    detached: true,
    stdio: [spec.stdin === 'none' ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...beyondStatus(nine)],
  })
  // A failed start (no such folder, no more processes) is thrown below. Without a listener, the `error` event would end Belay.
  child.on('error', () => {})
  const { pid } = child
  if (pid === undefined) throw new Error(`no process could be started in ${spec.cwd}`)
  const identity: ProcessIdentity = { pid, startTime: startTimeOf(pid) ?? 'gone' }
  const control = child.stdio[3] as Writable
  const status = child.stdio[4] as Readable
  for (const stream of [child.stdin, control, status]) stream?.on('error', ignoreClosedPipe)
  if (typeof spec.stdin === 'object') child.stdin?.end(spec.stdin.text)

  const keeperGone = once(child, 'exit')
  const exited = readStatus(status, keeperGone, pid)
  let isOver = false
  const closed = close()
  return {
    identity,
    stdin: spec.stdin === 'open' ? child.stdin : null,
    stdout: child.stdout as Readable,
    stderr: child.stderr as Readable,
    exited,
    closed,
    async end() {
      // Once the group has been killed, its number can belong to another one.
      if (!isOver) killQuietly(-pid)
      return closed
    },
  }

  async function close(): Promise<Exit> {
    const exit = await exited
    const watch = whenDrained([child.stdout, child.stderr] as Socket[], () => control.destroy())
    await keeperGone
    clearInterval(watch)
    // The program may have killed its keeper, so the rest of the group is killed here too.
    killQuietly(-(pid as number))
    isOver = true
    control.destroy()
    child.stdin?.destroy()
    return exit
  }
}

/**
 * The descriptors that the keeper gets beyond its status descriptor (4): only `nine`. /dev/null replaces every descriptor that
 * Belay inherited.
 */
function beyondStatus(nine: number | null): (IOType | number)[] {
  const { numbers, nothing } = inheritedDescriptors()
  const last = Math.max(4, nine === null ? 4 : 9, ...numbers)
  const all: (IOType | number)[] = Array.from({ length: last - 4 }, () => 'ignore')
  if (nine !== null) all[4] = nine
  // For `ignore`, Node leaves a descriptor above 2 as it was inherited, so it must be replaced explicitly.
  if (nothing !== null) for (const number of numbers) all[number - 5] = nothing
  return all
}

/**
 * Calls `then` when no more output is expected: everything was read and no more came for `QUIET_MS`, or `DRAIN_MS` have passed.
 * Data that a slow reader has not taken yet counts as output, so a burst at the end is not cut off.
 */
function whenDrained(streams: readonly Socket[], then: () => void): NodeJS.Timeout {
  let last = -1
  let quietSince = performance.now()
  const until = quietSince + DRAIN_MS
  const timer = setInterval(() => {
    const now = performance.now()
    const read = streams.reduce((sum, stream) => sum + stream.bytesRead, 0)
    if (read !== last || streams.some((stream) => stream.readableLength > 0)) quietSince = now
    last = read
    if (now - quietSince < QUIET_MS && now < until) return
    clearInterval(timer)
    then()
  }, LOOK_MS)
  return timer
}

/** How the program ended, according to its keeper; SIGKILL if the keeper was killed before it could write the status. */
async function readStatus(status: Readable, keeperGone: Promise<unknown>, group: number): Promise<Exit> {
  let text = ''
  const line = new Promise<void>((done) => {
    status.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.includes('\n')) done()
    })
    status.on('close', () => done())
  })
  await Promise.race([line, keeperGone])
  if (!text.includes('\n')) {
    // A busy Belay may learn of the keeper's exit before it reads what the keeper wrote.
    killQuietly(-group)
    await line
  }
  const code = /^(\d+)\n/.exec(text)?.[1]
  if (code === undefined) return { code: null, signal: 'SIGKILL' }
  return { code: Number(code), signal: signalName(Number(code) - 128) }
}

function signalName(number: number): string | null {
  return Object.entries(osConstants.signals).find(([, value]) => value === number)?.[0] ?? null
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  // The other end may close at any time; `exited` tells how the program ended.
  if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error
}
