import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync } from 'node:fs'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { PassThrough, type Readable, type Writable } from 'node:stream'
import { BelayError, diskFull } from '../core/errors.ts'
import { tail } from '../core/text.ts'
import { thisProcess, type ProcessIdentity } from '../process/index.ts'
import { freeFromPipes } from './pipes.ts'

export interface GitResult {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

export interface GitOptions {
  readonly cwd: string
  readonly input?: string | Buffer
  /** Added to the environment, for example GIT_INDEX_FILE. */
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Receives stdout as it arrives; the result's stdout is then empty. For output that may be larger than memory. */
  readonly onStdout?: (chunk: Buffer) => void
}

/** The longest time for one git command: enough to check out a very large repository on a slow disk. */
export const DEADLINE_MS = 600_000

/** Maximum number of concurrent git commands, whatever the number of tasks. */
const MAX_PARALLEL = 4

/** Variables that would make git use another repository, index or program than Belay intends. */
const FOREIGN =
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|CONFIG|CONFIG_PARAMETERS|EXTERNAL_DIFF|EDITOR|SEQUENCE_EDITOR|ASKPASS|SSH|SSH_COMMAND|PAGER|TRACE.*)$/

/** Belay's own git runs without hooks, file-system monitor, external diff, signature check, automatic maintenance or prompts. */
export const OWN_CONFIG: readonly (readonly [string, string])[] = [
  ['core.hooksPath', devNull],
  ['core.fsmonitor', 'false'],
  ['diff.external', ''],
  ['log.showSignature', 'false'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['advice.detachedHead', 'false'],
  ['submodule.recurse', 'false'],
  ['core.safecrlf', 'false'], // line ends follow git's configuration; a warning turned fatal would stop every task
]

/** The environment variable that tells which Belay process started a git, so that a git that outlived it can be found. */
export const GIT_MARK = 'BELAY_GIT'

/** The value of that variable for the git processes of one Belay process. */
export function gitMark({ pid, startTime }: ProcessIdentity): string {
  return `${pid}.${startTime.replace(/\s+/g, '_')}`
}

/**
 * The environment of Belay's own git. Identity (GIT_AUTHOR_*, GIT_COMMITTER_*) and configuration (also GIT_CONFIG_GLOBAL and
 * GIT_CONFIG_COUNT) remain the user's, except for the settings that Belay appends.
 */
export function gitEnv(base: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(base)) {
    if (value !== undefined && !FOREIGN.test(name)) env[name] = value
  }
  env['GIT_TERMINAL_PROMPT'] = '0'
  env['GIT_ASKPASS'] = 'true'
  env['SSH_ASKPASS'] = 'true'
  env['GIT_OPTIONAL_LOCKS'] = '0'
  env['GIT_EDITOR'] = 'true'
  env['LC_ALL'] = 'C'
  return { ...env, ...configEnv(OWN_CONFIG, env) }
}

/** Variables that append `settings` to the configuration that the environment `base` gives to git, and so outrank it. */
export function configEnv(
  settings: readonly (readonly [string, string])[],
  base: Readonly<Record<string, string>>,
): Record<string, string> {
  const theirs = Number(base['GIT_CONFIG_COUNT'] ?? 0)
  const first = Number.isInteger(theirs) && theirs > 0 ? theirs : 0
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(first + settings.length) }
  for (const [i, [key, value]] of settings.entries()) {
    env[`GIT_CONFIG_KEY_${first + i}`] = key
    env[`GIT_CONFIG_VALUE_${first + i}`] = value
  }
  return env
}

let ownEnv: Record<string, string> | undefined
let running = 0
const queue: (() => void)[] = []

async function slot(): Promise<void> {
  if (running >= MAX_PARALLEL) await new Promise<void>((go) => queue.push(go))
  else running += 1
}

function release(): void {
  const next = queue.shift()
  if (next) next()
  else running -= 1
}

/**
 * Runs git and returns its result, whatever the exit status. Rejects only if git cannot be started (`git_missing`) or exceeds
 * the deadline (`git_timeout`; the process is killed).
 */
export async function tryGit(args: readonly string[], options: GitOptions): Promise<GitResult> {
  await slot()
  try {
    return await spawnGit(args, options)
  } finally {
    release()
  }
}

/** Starts git with Belay's environment. A failed start is an `error` event of the child, or `git_missing` at once. */
export function startGit(
  args: readonly string[],
  options: Pick<GitOptions, 'cwd' | 'env'>,
): ChildProcessWithoutNullStreams {
  ownEnv ??= { ...gitEnv(), [GIT_MARK]: gitMark(thisProcess()) }
  const env = options.env ? { ...ownEnv, ...options.env } : ownEnv
  try {
    return spawn('git', tellsCase(options.cwd) ? ['-c', 'core.ignorecase=false', ...args] : args, {
      cwd: options.cwd,
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
  } catch (cause) {
    // Node throws for unexpected failures, for example a file in place of the folder.
    throw gitMissing(options.cwd, cause instanceof Error ? cause : new Error(String(cause)))
  }
}

/**
 * Whether file names in this checkout are case-sensitive; false for any folder that is not the top of a checkout. A repository
 * that was copied from a case-insensitive system still has `core.ignorecase`, and git would ignore the second of two such
 * files.
 */
function tellsCase(checkout: string): boolean {
  return existsSync(join(checkout, '.git')) && !existsSync(join(checkout, '.GIT'))
}

/** The error for a git that could not be started in `folder`. */
export function gitMissing(folder: string, cause: Error): BelayError {
  return new BelayError('git_missing', `git could not be started: ${cause.message}`, {
    expected: 'git 2.38 or newer on PATH, and an existing folder to run it in',
    received: folder,
    next: 'install git',
    cause,
  })
}

/** Runs two git commands and pipes the first one's stdout into the second; rejects as `tryGit`. */
export async function pipeGit(
  from: readonly string[],
  into: readonly string[],
  options: Pick<GitOptions, 'cwd' | 'env' | 'timeoutMs'>,
): Promise<readonly [GitResult, GitResult]> {
  await slot()
  try {
    const through = new PassThrough()
    const reads = spawnGit(into, options, through).finally(() => through.destroy())
    const writes = spawnGit(from, options, null, through)
    writes.catch(() => through.end()) // the first command never started, so no input comes
    const [first, second] = await Promise.allSettled([writes, reads])
    if (first.status === 'rejected') throw first.reason
    if (second.status === 'rejected') throw second.reason
    return [first.value, second.value]
  } finally {
    release()
  }
}

function spawnGit(
  args: readonly string[],
  options: GitOptions,
  input: Readable | null = null,
  output: Writable | null = null,
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const child = startGit(args, options)
    const out: Buffer[] = []
    const err: Buffer[] = []
    let late = false
    const deadline = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, options.timeoutMs ?? DEADLINE_MS)
    const stop = freeFromPipes(child.pid, options.cwd)
    child.on('error', (cause) => {
      clearTimeout(deadline)
      stop()
      reject(gitMissing(options.cwd, cause))
    })
    // If file descriptors have run out, there are no streams, and the `error` event follows.
    if ((child.stdout as Readable | undefined) === undefined) return
    if (output === null) child.stdout.on('data', options.onStdout ?? ((chunk: Buffer) => out.push(chunk)))
    else {
      child.stdout.pipe(output)
      // The reader has ended. The rest is discarded, but git must be able to finish.
      output.on('close', () => child.stdout.resume())
    }
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => {}) // git may end before it has read all input; its exit status tells
    child.on('close', (code) => {
      clearTimeout(deadline)
      stop()
      if (late) {
        reject(new BelayError('git_timeout', `git ${args[0] ?? ''} took too long and was ended`, { exit: 1 }))
        return
      }
      resolve({ code: code ?? 128, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString('utf8') })
    })
    if (input === null) child.stdin.end(options.input ?? '')
    else input.pipe(child.stdin)
  })
}

/** Runs git and returns its stdout as text without the last line feed. Throws `git_failed` for a nonzero exit status. */
export async function git(args: readonly string[], options: GitOptions): Promise<string> {
  const result = await tryGit(args, options)
  if (result.code !== 0) throw gitFailed(args, result)
  return result.stdout.toString('utf8').replace(/\n$/, '')
}

/** The error for a git command that was expected to succeed; `disk_full` if that was the cause. */
export function gitFailed(args: readonly string[], result: GitResult): BelayError {
  if (/No space left on device|Disk quota exceeded/.test(result.stderr))
    return diskFull(tail(result.stderr.trim(), 500))
  return new BelayError('git_failed', `git ${args.slice(0, 2).join(' ')} failed: ${tail(result.stderr.trim(), 2000)}`, {
    exit: 1,
    received: `exit status ${result.code}`,
  })
}
