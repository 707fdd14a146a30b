import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { PassThrough, type Duplex, type Writable } from 'node:stream'
import type Docker from 'dockerode'
import { randomId } from '../../core/ids.ts'
import {
  MARK,
  isAlive,
  killQuietly,
  startTimeOf,
  type Exit,
  type KeptProcess,
  type ProcessSpec,
} from '../../process/index.ts'
import { EXEC_ID, KILL_MARKED } from '../kill-marked.ts'
import { demultiplex } from './demux.ts'

/** Kills everything but the first process and itself. */
const KILL_ALL = 'kill -9 -1; :'

/** What a program said last gets this time to arrive. */
const LAST_WORDS_MS = 1000

/** A container in which programs are run. */
export interface Box {
  readonly container: Docker.Container
  readonly umask: string
  /** Its processes are in this machine's process table (they are not where the daemon has a machine of its own). */
  readonly seen: boolean
  /** The daemon is podman, which tells only the numbers that processes have inside. */
  readonly podman: boolean
  /** Resolves when it has ended. */
  readonly gone: Promise<unknown>
  /** Ids of what runs in it. */
  readonly running: Set<string>
}

/** Runs a program in the container, as `spawnKept` does. `env` and `cwd` are as they are inside. */
export async function execKept(box: Box, spec: ProcessSpec): Promise<KeptProcess> {
  const id = randomId(16)
  const open = spec.stdin !== 'none'
  const env = { ...spec.env, [MARK]: spec.mark, [EXEC_ID]: id }
  const exec = await box.container.exec({
    Cmd: ['/bin/sh', '-c', `umask ${box.umask}; exec "$@"`, 'belay', ...spec.argv],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: spec.cwd,
    AttachStdin: open,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
  })
  const connection: Duplex = await exec.start({ hijack: true, stdin: open })
  box.running.add(id)
  connection.on('error', () => {}) // seen as its end
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const stdin = open ? toProgram(connection) : null
  if (typeof spec.stdin === 'object') stdin?.end(spec.stdin.text)
  const drained = demultiplex(connection, stdout, stderr).catch(() => {}) // the container is gone: so is the program
  // With some runtimes (gVisor) a connection stays when its container is gone.
  void box.gone.then(() => setTimeout(() => connection.destroy(), LAST_WORDS_MS).unref())
  const identity = await identify(exec, box)

  const exited = drained.then(() => exitOf(exec))
  const closed = exited.then(async (exit) => {
    box.running.delete(id)
    connection.destroy()
    await endRest(box, id)
    return exit
  })
  return {
    identity,
    stdin: spec.stdin === 'open' ? stdin : null,
    stdout,
    stderr,
    exited,
    closed,
    async end() {
      // A session of its own began with it, and so a group.
      if (identity.pid > 0 && isAlive(identity)) killQuietly(-identity.pid)
      else await runQuietly(box.container, KILL_MARKED, id)
      return closed
    },
  }
}

/** The program's stdin: its end is the end of file, the connection stays open for the output. */
function toProgram(connection: Duplex): Writable {
  const stdin = new PassThrough()
  stdin.on('error', () => {}) // the program does not read: that it went is seen in `exited`
  stdin.pipe(connection)
  return stdin
}

/** The program in this machine's process table; an identity of nothing where the containers are in another machine. */
async function identify(exec: Docker.Exec, { seen }: Box): Promise<KeptProcess['identity']> {
  const rounds = seen ? 100 : 0
  for (let round = 0; round < rounds; round++) {
    const { Pid, Running, ExitCode } = await exec.inspect()
    const startTime = Pid > 0 ? startTimeOf(Pid) : null
    if (startTime !== null) return { pid: Pid, startTime }
    // It is not there yet, or not any more.
    if (!Running && ExitCode !== null) break
    await new Promise((resolve) => setTimeout(resolve, 2 + round))
  }
  return { pid: 0, startTime: 'in a container' }
}

async function exitOf(exec: Docker.Exec): Promise<Exit> {
  try {
    for (let round = 0; round < 200; round++) {
      const { Running, ExitCode } = await exec.inspect()
      if (!Running && ExitCode !== null) return { code: ExitCode, signal: signalName(ExitCode - 128) }
      await new Promise((resolve) => setTimeout(resolve, 5 + round))
    }
  } catch {
    // the container is gone, and with it what it knew
  }
  return { code: null, signal: 'SIGKILL' }
}

function signalName(number: number): string | null {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null
}

/** Ends what a program left behind: all of it when nothing else runs here, else what carries its mark. */
async function endRest(box: Box, id: string): Promise<void> {
  const { container, running, seen, podman } = box
  if (running.size > 0) return runQuietly(container, KILL_MARKED, id)
  for (let round = 0; round < 20; round++) {
    const left = seen && podman ? await processesHere(container) : await processes(container)
    // The first process and what it waits for.
    if (running.size > 0 || left.length <= 2) return
    if (!seen) return runQuietly(container, KILL_ALL, id)
    for (const { pid, parent } of left) if (left.some((other) => other.pid === parent)) killQuietly(pid)
  }
}

/** What runs in the container, with the numbers of the daemon's machine. */
async function processes(container: Docker.Container): Promise<{ pid: number; parent: number }[]> {
  const table = await container.top().catch(() => null) // gone: nothing is left
  if (table === null) return []
  const { Titles, Processes } = table as { Titles: readonly string[]; Processes: readonly (readonly string[])[] | null }
  const rows = Processes ?? []
  const column = (name: string): number => Titles.indexOf(name)
  return rows.map((row) => ({ pid: Number(row[column('PID')]), parent: Number(row[column('PPID')]) }))
}

/** The same from this machine's process table: what is in the process namespace of the container's first process. */
async function processesHere(container: Docker.Container): Promise<{ pid: number; parent: number }[]> {
  const state = await container.inspect().catch(() => null) // gone: nothing is left
  const first = state === null ? null : namespaceOf(state.State.Pid)
  if (first === null) return []
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && namespaceOf(Number(name)) === first)
  return all.map((name) => ({ pid: Number(name), parent: parentOf(Number(name)) }))
}

function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return null // it has ended, or is another user's
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0 // it has ended
  }
}

async function runQuietly(container: Docker.Container, script: string, argument: string): Promise<void> {
  try {
    const exec = await container.exec({
      Cmd: ['/bin/sh', '-c', script, 'belay', argument],
      AttachStdout: true,
      AttachStderr: true,
    })
    const connection: Duplex = await exec.start({ hijack: true, stdin: false })
    connection.on('error', () => {})
    connection.resume()
    await new Promise((resolve) => connection.once('close', resolve).once('end', resolve))
  } catch {
    // The container has ended, which is more than was asked for.
  }
}
