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
  /** Program and arguments; a program without a slash is looked up in `env.PATH`. */
  readonly argv: readonly string[]
  readonly cwd: string
  /** The whole environment (nothing is inherited). */
  readonly env: Readonly<Record<string, string>>
  /** `none`: /dev/null. `open`: a stream that the caller writes and ends. Else: this text, then end of file. */
  readonly stdin: 'none' | 'open' | { readonly text: string }
  /** What the task's processes are marked with (see leftovers.ts), see `taskMark`. */
  readonly mark: string
  /**
   * stdout and stderr are one stream, in the order they were written; false: two. Only a wish: programs that are started
   * elsewhere (containers, machines) have two.
   */
  readonly merged?: boolean
}

/** How a program ended. A signal is given as a shell gives it: `code` is 128 + its number. Both null: never known. */
export interface Exit {
  readonly code: number | null
  readonly signal: string | null
}

export interface KeptProcess {
  readonly identity: ProcessIdentity
  readonly stdin: Writable | null
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves, never rejects, when the program itself has ended; its output may still be in the pipes. */
  readonly exited: Promise<Exit>
  /**
   * Resolves when the program and its output streams have ended and its group was killed. What still writes after `exited` is
   * killed after a short grace.
   */
  readonly closed: Promise<Exit>
  /** Kills the whole group at once; resolves as `closed`. Safe to repeat. */
  end(): Promise<Exit>
}

/** How long output may be silent after the program ended, before what still holds the pipes is killed. */
const QUIET_MS = 500
/** How long it may go on at all: a program's own last words fit into the pipes, the rest is somebody else's. */
const DRAIN_MS = 10_000
const LOOK_MS = 50

/**
 * The path of the program that `argv0` names, or null when there is none that can be run. Relative paths with a slash are
 * relative to `cwd`.
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
    return false // absent or not ours to run
  }
}

/**
 * Starts a program under a keeper (see keeper.ts), so that its whole group ends when Belay does. Throws when no process can be
 * started at all (no such folder, no resources); a program that does not exist is the caller's to find out first with
 * `resolveProgram`. `nine`: a descriptor that the program finds as its 9; the caller's to close.
 */
export function spawnKept(spec: ProcessSpec, nine: number | null = null): KeptProcess {
  const [mode, err] = [spec.stdin === 'none' ? 'none' : 'pipe', spec.merged === true ? 'merged' : 'apart']
  const child = spawn('/bin/sh', ['-c', KEEPER, 'belay-keeper', mode, err, ...spec.argv], {
    cwd: spec.cwd,
    env: { ...spec.env, [MARK]: spec.mark, [DEPTH]: String(depthOf(process.env) + 1) },
    detached: true,
    stdio: [spec.stdin === 'none' ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...beyondStatus(nine)],
  })
  // A failed start (no such folder, no more processes) is thrown below; without a listener it would end Belay itself.
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
  const closed = close()
  return {
    identity,
    stdin: spec.stdin === 'open' ? child.stdin : null,
    stdout: child.stdout as Readable,
    stderr: child.stderr as Readable,
    exited,
    closed,
    async end() {
      killQuietly(-pid)
      return closed
    },
  }

  async function close(): Promise<Exit> {
    const exit = await exited
    const watch = whenDrained([child.stdout, child.stderr] as Socket[], () => control.destroy())
    await keeperGone
    clearInterval(watch)
    // The keeper may have been killed by what it keeps: end the rest of its group too.
    killQuietly(-(pid as number))
    control.destroy()
    child.stdin?.destroy()
    return exit
  }
}

/**
 * What a program finds as its descriptors beyond that of its status (4): nothing, but `nine`; no file in place of what Belay
 * was started with.
 */
function beyondStatus(nine: number | null): (IOType | number)[] {
  const { numbers, nothing } = inheritedDescriptors()
  const last = Math.max(4, nine === null ? 4 : 9, ...numbers)
  const all: (IOType | number)[] = Array.from({ length: last - 4 }, () => 'ignore')
  if (nine !== null) all[4] = nine
  // Node leaves a descriptor that is to be ignored as it is.
  if (nothing !== null) for (const number of numbers) all[number - 5] = nothing
  return all
}

/**
 * Calls `then` when nothing more comes: silence with everything read, or too long. A reader that is slow to take what is
 * there is waited for, so that a burst at the end is not cut.
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

/** How the program ended, as its keeper wrote it down; killed, when the keeper was killed before it could. */
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
    // A busy Belay hears of the keeper's end before it reads what the keeper wrote.
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
  // The other end may go at any time; that it went is seen in `exited`.
  if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error
}
