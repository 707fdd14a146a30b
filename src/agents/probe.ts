/** Finds out whether an agent's program works on this machine. */
import type { Readable } from 'node:stream'
import { randomId } from '../core/ids.ts'
import { head, printable } from '../core/text.ts'
import { MARK, endAll, findWith, resolveProgram, spawnKept, thisMoment, type Exit } from '../process/index.ts'
import type { Probe } from './port.ts'

type Env = Readonly<Record<string, string>>

/** Time limit for a program to report its version and the like, in ms; some take many seconds on a busy machine. */
const SAY_MS = 30_000
const MOST_SAID = 64 << 10

export interface Said {
  readonly stdout: string
  /** null: the program ran and exited with 0. Otherwise what went wrong. */
  readonly problem: string | null
}

/**
 * Runs `argv` and collects its stdout; 30 s by default. When this resolves, every process that it started has ended. Throws
 * only if they cannot be ended, as `endAll` does.
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
    // Killed processes may still be dying, and a daemon may have left the group.
    await endAll(mark, () => findWith(MARK, (value) => value === mark, before))
  }
}

/** Reads the whole stream and keeps its beginning. */
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

/** What a probe has to know about an agent's program. */
export interface Program {
  /** Its name on PATH, and the arguments that make it the agent. The version is asked with the name only. */
  readonly argv: readonly string[]
  /** The command that installs or updates it. */
  readonly install: string
  /** The version that Belay is tested with. */
  readonly tested: string
  /** Whether some versions do not know `--version`: then it is enough if they answer `--help`. */
  readonly mayNotTell?: boolean
  loggedIn(env: Env): boolean | null
  /** How to log in. */
  readonly login: string
  /** Any other obstacle; null: none. */
  hint?(env: Env): string | null
}

/**
 * Checks a program, its version and its login, on this machine only. A program that does not answer `--version` counts as not
 * installed, unless it is the user's own (`command`), which may not know this argument. Throws only as `sayOf` does.
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

/** Compares major, minor and patch version; anything after these is ignored. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.', 3).map((part) => Number.parseInt(part, 10) || 0))
  for (const [n, part] of (b ?? []).entries()) {
    const other = a?.[n] ?? 0
    if (other !== part) return other < part
  }
  return false
}
