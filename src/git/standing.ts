import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { BelayError } from '../core/errors.ts'
import { commonDirOf } from './common-dir.ts'
import { DEADLINE_MS, gitFailed, gitMissing, startGit, type GitResult } from './run.ts'

/**
 * Result of parsing the bytes received so far: an answer, the number of bytes needed for another try, or the text that cannot
 * be understood.
 */
export type Reading<T> = { readonly value: T } | { readonly more: number } | { readonly wrong: string }

/** A standing git ended instead of answering. */
export class GitEnded extends Error {
  readonly result: GitResult

  constructor(args: readonly string[], result: GitResult) {
    super(`git ${args[0] ?? ''} ended with ${result.code}`)
    this.result = result
  }
}

/** A standing git that is not asked anything for this long, in ms, is ended. */
const IDLE_MS = 20_000

/**
 * A git process that keeps running and answers one question after another, because starting git costs more than most answers.
 * It is started when first asked, restarted after it ended, and never keeps Belay alive; it ends with Belay, because its input
 * ends. Its working directory is outside every repository, so that it does not count as a git that works there.
 */
export class StandingGit {
  readonly #args: readonly string[]
  readonly #gitDir: string
  #child: ChildProcessWithoutNullStreams | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined

  constructor(args: readonly string[], gitDir: string) {
    this.#args = args
    this.#gitDir = gitDir
  }

  /**
   * Writes `input` and reads until `read` returns an answer. Questions are asked one at a time. Rejects with `GitEnded` if git
   * ended instead, with `git_timeout` or `git_missing` as any git, and with `git_failed` for an answer that `read` cannot
   * understand.
   */
  ask<T>(input: string | Buffer, read: (seen: Buffer) => Reading<T>): Promise<T> {
    const next = this.#turn.then(() => this.#ask(input, read))
    this.#turn = next.catch(() => {})
    return next
  }

  async #ask<T>(input: string | Buffer, read: (seen: Buffer) => Reading<T>): Promise<T> {
    clearTimeout(this.#idle)
    // A process that was killed while idle may not have emitted its events yet.
    if (this.#child && (this.#child.exitCode !== null || this.#child.signalCode !== null)) this.#child = undefined
    const child = (this.#child ??= this.#start())
    child.ref()
    try {
      return await this.#answer(child, input, read)
    } finally {
      child.unref()
      this.#idle = setTimeout(() => this.#leave(child), IDLE_MS).unref()
    }
  }

  #answer<T>(
    child: ChildProcessWithoutNullStreams,
    input: string | Buffer,
    read: (seen: Buffer) => Reading<T>,
  ): Promise<T> {
    const args = this.#args
    return new Promise<T>((resolve, reject) => {
      const chunks: Buffer[] = []
      const errors: Buffer[] = []
      let size = 0
      let wanted = 1
      const settle = (end: () => void): void => {
        clearTimeout(deadline)
        child.stdout.off('data', onData)
        child.stderr.off('data', onError)
        child.off('error', onMissing)
        child.off('close', onClose)
        end()
      }
      const give = (end: () => void): void => {
        this.#forget(child)
        settle(end)
      }
      const onData = (chunk: Buffer): void => {
        chunks.push(chunk)
        size += chunk.length
        if (size < wanted) return
        const seen = chunks.length === 1 ? chunk : Buffer.concat(chunks)
        chunks.splice(0, chunks.length, seen)
        const reading = read(seen)
        if ('wrong' in reading) {
          // It is unknown where the next answer would begin.
          child.kill('SIGKILL')
          give(() => reject(notUnderstood(args, reading.wrong)))
        } else if ('more' in reading) wanted = reading.more
        else settle(() => resolve(reading.value))
      }
      const onError = (chunk: Buffer): void => void errors.push(chunk)
      const onMissing = (cause: Error): void => give(() => reject(gitMissing(this.#gitDir, cause)))
      const onClose = (code: number | null): void => {
        const stderr = Buffer.concat(errors).toString('utf8')
        give(() => reject(new GitEnded(args, { code: code ?? 128, stdout: Buffer.concat(chunks), stderr })))
      }
      const deadline = setTimeout(() => {
        child.kill('SIGKILL')
        give(() =>
          reject(new BelayError('git_timeout', `git ${args[0] ?? ''} took too long and was ended`, { exit: 1 })),
        )
      }, DEADLINE_MS)
      child.stdout.on('data', onData)
      child.stderr.on('data', onError)
      child.on('error', onMissing)
      child.on('close', onClose)
      child.stdin.write(input)
    })
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = startGit(this.#args, { cwd: '/', env: { GIT_DIR: this.#gitDir } })
    child.on('close', () => this.#forget(child))
    child.on('error', () => this.#forget(child))
    // If file descriptors have run out, the child has no streams.
    if ((child.stdin as Writable | undefined) === undefined)
      throw gitMissing(this.#gitDir, new Error('too many open files'))
    child.stdin.on('error', () => {}) // the child's end tells
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as Socket).unref()
    return child
  }

  #leave(child: ChildProcessWithoutNullStreams): void {
    this.#forget(child)
    child.stdin.end()
  }

  #forget(child: ChildProcessWithoutNullStreams): void {
    if (this.#child === child) this.#child = undefined
  }
}

const known = new Map<string, StandingGit>()

/** The standing git with these arguments for the repository of the checkout `root`. */
export async function standingGit(root: string, args: readonly string[]): Promise<StandingGit> {
  const gitDir = await commonDirOf(root)
  const key = [gitDir, ...args].join('\0')
  const found = known.get(key) ?? new StandingGit(args, gitDir)
  known.set(key, found)
  return found
}

function notUnderstood(args: readonly string[], answer: string): BelayError {
  return new BelayError('git_failed', `git ${args[0] ?? ''} gave an answer that Belay does not understand`, {
    exit: 1,
    received: JSON.stringify(answer.slice(0, 200)),
    next: 'please report this with the output of: git --version',
  })
}

/** The error for a standing git that ended although an answer was expected. */
export function unanswered(args: readonly string[], error: unknown): unknown {
  return error instanceof GitEnded ? gitFailed(args, error.result) : error
}
