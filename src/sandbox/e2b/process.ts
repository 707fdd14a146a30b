import { constants } from 'node:os'
import { PassThrough } from 'node:stream'
import type { CommandHandle, Sandbox as Remote } from 'e2b'
import { randomId } from '../../core/ids.ts'
import { MARK, type Exit, type KeptProcess, type ProcessSpec } from '../../process/index.ts'
import { closedAfter } from '../closing.ts'
import { EXEC_ID, KILL_MARKED } from '../kill-marked.ts'
import { shellLine } from './machine.ts'

/** Variables that are only valid on this machine; the sandbox has its own. */
const OF_THE_HOST = new Set(['PATH', 'HOME', 'TMPDIR', 'SHELL', 'PWD', 'OLDPWD'])

/** Starts a program in the sandbox. `cwd` and `argv` are as seen inside. `closed` waits for `after`. */
export async function runKept(remote: Remote, spec: ProcessSpec, after: () => Promise<void>): Promise<KeptProcess> {
  const id = randomId(16)
  const kept = Object.entries(spec.env).filter(([name]) => !OF_THE_HOST.has(name))
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const handle = await remote.commands.run(`( ${shellLine(spec.argv)} ); exit $?`, {
    background: true,
    cwd: spec.cwd,
    envs: { ...Object.fromEntries(kept), [MARK]: spec.mark, [EXEC_ID]: id },
    stdin: spec.stdin !== 'none',
    timeoutMs: 0,
    onStdout: (data) => void stdout.write(data),
    onStderr: (data) => void stderr.write(data),
  })
  const stdin = spec.stdin === 'none' ? null : inputOf(handle)
  if (typeof spec.stdin === 'object') stdin?.end(spec.stdin.text)
  const exited = exitOf(handle).then((exit) => {
    stdout.end()
    stderr.end()
    return exit
  })
  const killRest = async (): Promise<void> => {
    await remote.commands.run(shellLine(['/bin/sh', '-c', KILL_MARKED, 'belay', id])).catch(() => {}) // it is gone
  }
  const closed = exited.then(async (exit) => {
    await killRest()
    return exit
  })
  const program: KeptProcess = {
    identity: { pid: 0, startTime: 'in e2b' },
    stdin: spec.stdin === 'open' ? stdin : null,
    stdout,
    stderr,
    exited,
    closed,
    async end() {
      await killRest()
      await handle.kill().catch(() => {}) // it is gone
      return closed
    },
  }
  return closedAfter(program, after)
}

function inputOf(handle: CommandHandle): PassThrough {
  const stdin = new PassThrough()
  void feed(handle, stdin)
  return stdin
}

async function feed(handle: CommandHandle, stdin: PassThrough): Promise<void> {
  try {
    for await (const chunk of stdin) await handle.sendStdin(new Uint8Array(chunk as Buffer))
    await handle.closeStdin()
  } catch {
    // The program no longer reads; `exited` tells that it ended.
  }
}

async function exitOf(handle: CommandHandle): Promise<Exit> {
  try {
    return said((await handle.wait()).exitCode)
  } catch (error) {
    const { exitCode } = error as { exitCode?: unknown }
    return typeof exitCode === 'number' ? said(exitCode) : { code: null, signal: 'SIGKILL' }
  }
}

function said(code: number): Exit {
  if (code < 0) return { code: null, signal: 'SIGKILL' }
  return { code, signal: Object.entries(constants.signals).find(([, value]) => value === code - 128)?.[0] ?? null }
}
