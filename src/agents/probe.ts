/** How it is found out whether an agent's program works here. */
import type { Readable } from 'node:stream'
import { randomId } from '../core/ids.ts'
import { head, printable } from '../core/text.ts'
import { MARK, endAll, findWith, resolveProgram, spawnKept, thisMoment, type Exit } from '../process/index.ts'
import type { Probe } from './port.ts'

type Env = Readonly<Record<string, string>>

/** How long a program may take to say something of itself, in ms: some take many seconds on a busy machine. */
const SAY_MS = 30_000
const MOST_SAID = 64 << 10

export interface Said {
  readonly stdout: string
  /** Null: it ran and ended well. Else why not, in words. */
  readonly problem: string | null
}

/**
 * Runs `argv` for what it says of itself, 30 s at most; nothing it starts lives on when this resolves. Throws only when that
 * cannot be ended, as `endAll`.
 */
export async function sayOf(argv: readonly string[], env: Env, limitMs = SAY_MS): Promise<Said> {
  let timer: NodeJS.Timeout | undefined
  let late = false
  let stdout = ''
  const mark = `probe/${randomId(8)}`
  const before = thisMoment()
  try {
    const kept = spawnKept({ argv, cwd: process.cwd(), env, stdin: 'none', mark })
    timer = setTimeout(() => {
      late = true
      void kept.end()
    }, limitMs)
    const [said, stderr, exit] = await Promise.all([textOf(kept.stdout), textOf(kept.stderr), kept.closed])
    stdout = said
    if (late) return { stdout, problem: `it did not answer within ${limitMs / 1000} s` }
    return { stdout, problem: exit.code === 0 ? null : failureOf(exit, stderr || stdout) }
  } catch (error) {
    return { stdout, problem: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
    // What was killed may still be dying, and a daemon may have left the group.
    await endAll(mark, () => findWith(MARK, (value) => value === mark, before))
  }
}

/** All that is read, of which the beginning is kept. */
async function textOf(stream: Readable): Promise<string> {
  let said = ''
  for await (const chunk of stream) if (said.length < MOST_SAID) said += (chunk as Buffer).toString('utf8')
  return head(said, MOST_SAID)
}

function failureOf({ code, signal }: Exit, said: string): string {
  const how = signal ?? `exit status ${code ?? 'unknown'}`
  const why = printable(said)
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '')
  return why === undefined ? how : `${head(why, 300)} (${how})`
}

/** An agent's program, as far as a probe has to know it. */
export interface Program {
  /** Its name on PATH and the arguments that make it the agent; only the name is asked for a version. */
  readonly argv: readonly string[]
  /** The command that installs or updates it. */
  readonly install: string
  /** The version that Belay is tested with. */
  readonly tested: string
  /** Whether there are versions that know no `--version`: that they answer `--help` is enough then. */
  readonly mayNotTell?: boolean
  loggedIn(env: Env): boolean | null
  /** How to log in. */
  readonly login: string
  /** What else stands in the way, or null. */
  hint?(env: Env): string | null
}

/**
 * Looks for a program, its version and a login, on this machine only. A program that does not answer `--version` is not taken
 * for installed, unless it is one of the user's own (`command`), which may know no such argument. Never throws.
 */
export async function probeProgram(wanted: Program, env: Env, command: readonly string[] | null): Promise<Probe> {
  const [name = '', ...args] = command ?? wanted.argv.slice(0, 1)
  const path = resolveProgram(name, process.cwd(), env['PATH'])
  const loggedIn = wanted.loggedIn(env)
  if (path === null) {
    const hint = `${JSON.stringify(name)} was not found: ${wanted.install}`
    return { installed: false, path: null, version: null, loggedIn, hint }
  }
  const ask = (flag: string): Promise<Said> => sayOf([path, ...args, flag], env)
  const { stdout, problem } = await ask('--version')
  const version = problem === null ? (/\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? null) : null
  const untold = problem !== null && wanted.mayNotTell === true && (await ask('--help')).problem === null
  if (version === null && !untold) {
    const why = problem ?? 'it named no version'
    const hint = `${path} --version failed: ${why}; try it in a terminal, or install it again: ${wanted.install}`
    return { installed: command !== null, path, version, loggedIn, hint }
  }
  const hints = [
    ...(loggedIn === false ? [wanted.login] : []),
    ...(version !== null && isOlder(version, wanted.tested)
      ? [`version ${version} is older than what Belay is tested with (${wanted.tested}): ${wanted.install}`]
      : []),
  ]
  const more = hints.length === 0 ? (wanted.hint?.(env) ?? null) : null
  return { installed: true, path, version, loggedIn, hint: hints.length === 0 ? more : hints.join('; ') }
}

/** By major, then minor, then patch version; what comes after these does not count. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.', 3).map((part) => Number.parseInt(part, 10) || 0))
  for (const [n, part] of (b ?? []).entries()) {
    const other = a?.[n] ?? 0
    if (other !== part) return other < part
  }
  return false
}
