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

/** Kills everything except the container's first process and this shell. */
const KILL_ALL = 'kill -9 -1; :'

/** How long, in ms, the last output of a program may take to arrive. */
const LAST_WORDS_MS = 1000

/** A container in which programs are started. */
export interface Box {
  readonly container: Docker.Container
  readonly umask: string
  /** Whether its processes are in this machine's process table. They are not if the daemon runs in its own machine. */
  readonly seen: boolean
  /** Whether the daemon is podman, which reports only pids inside the container. */
  readonly podman: boolean
  /** Resolves when the container has ended. */
  readonly gone: Promise<unknown>
  /** Ids of the programs that run in it. */
  readonly running: Set<string>
}

/** Starts a program in the container, as `spawnKept` does. `env` and `cwd` are as seen inside. */
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
  connection.on('error', () => {}) // its end is noticed
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const stdin = open ? toProgram(connection) : null
  if (typeof spec.stdin === 'object') stdin?.end(spec.stdin.text)
  const drained = demultiplex(connection, stdout, stderr).catch(() => {}) // the container is gone, and the program with it
  // With some runtimes (gVisor), a connection outlives its container.
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
      // The program began its own session, and therefore its own process group.
      if (identity.pid > 0 && isAlive(identity)) killQuietly(-identity.pid)
      else await runQuietly(box.container, KILL_MARKED, id)
      return closed
    },
  }
}

/** The program's stdin. Ending it is end of file for the program; the connection stays open for output. */
function toProgram(connection: Duplex): Writable {
  const stdin = new PassThrough()
  stdin.on('error', () => {}) // the program does not read; `exited` tells that it ended
  stdin.pipe(connection)
  return stdin
}

/** The program's identity in this machine's process table; pid 0 if the containers run in another machine. */
async function identify(exec: Docker.Exec, { seen }: Box): Promise<KeptProcess['identity']> {
  const rounds = seen ? 100 : 0
  for (let round = 0; round < rounds; round++) {
    const { Pid, Running, ExitCode } = await exec.inspect()
    const startTime = Pid > 0 ? startTimeOf(Pid) : null
    if (startTime !== null) return { pid: Pid, startTime }
    // The process does not exist yet, or no longer.
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
    // the container is gone, and its exit codes with it
  }
  return { code: null, signal: 'SIGKILL' }
}

function signalName(number: number): string | null {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null
}

/** Ends what a program left behind: everything, if no other program runs in the container; else the processes with its mark. */
async function endRest(box: Box, id: string): Promise<void> {
  const { container, running, seen, podman } = box
  if (running.size > 0) return runQuietly(container, KILL_MARKED, id)
  for (let round = 0; round < 20; round++) {
    const left = seen && podman ? await processesHere(container) : await processes(container)
    // These are the first process and the `cat` that it waits for.
    if (running.size > 0 || left.length <= 2) return
    if (!seen) return runQuietly(container, KILL_ALL, id)
    for (const { pid, parent } of left) if (left.some((other) => other.pid === parent)) killQuietly(pid)
  }
}

/** The container's processes, with pids on the daemon's machine. */
async function processes(container: Docker.Container): Promise<{ pid: number; parent: number }[]> {
  const table = await container.top().catch(() => null) // gone: nothing is left
  if (table === null) return []
  const { Titles, Processes } = table as { Titles: readonly string[]; Processes: readonly (readonly string[])[] | null }
  const rows = Processes ?? []
  const column = (name: string): number => Titles.indexOf(name)
  return rows.map((row) => ({ pid: Number(row[column('PID')]), parent: Number(row[column('PPID')]) }))
}

/** The same from this machine's process table: processes in the pid namespace of the container's first process. */
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
    // The container has ended, and everything in it.
  }
}
