import { statSync } from 'node:fs'
import { FolderCache } from './folder-cache.ts'
import { disarm, changedSince } from './disarm.ts'
import { gitGuards, guardsOfGitDir, addPlaceholders, removeForbidden, type GitGuards } from './guards.ts'
import { findGitDirs } from './scan.ts'
import { isPlaceholder, sweepPlaceholders } from './placeholders.ts'
import type { SandboxPolicy } from '../port.ts'
import { real } from '../paths.ts'

/**
 * How many folders are searched when a sandbox opens and closes, and after each of its programs. The later searches find most
 * of them unchanged.
 */
const MOST = 20_000

/** Timestamps of file systems may lag behind the clock by this. */
const LAG_MS = 100

/**
 * The repositories that programs of one sandbox could change. Those that exist when it opens are guarded. From those created
 * later, everything that makes git run a program is removed when a program ends, before anybody uses them.
 */
export class Repositories {
  readonly #writable: readonly string[]
  readonly #known: ReadonlyMap<string, string>
  readonly #since: number | null
  readonly #removed: string[] = []
  readonly #most: number
  readonly #memory: FolderCache
  #work: Promise<unknown> = Promise.resolve()

  private constructor(
    writable: readonly string[],
    known: ReadonlyMap<string, string>,
    since: number | null,
    most: number,
    memory = new FolderCache(),
  ) {
    this.#most = most
    this.#memory = memory
    this.#writable = writable
    this.#known = known
    this.#since = since
  }

  /** Searches what a policy lets programs write, in at most `most` folders. With access `full`, nothing is guarded. */
  static async of(policy: SandboxPolicy, most = MOST): Promise<Repositories> {
    if (policy.access === 'full') return new Repositories([], new Map(), null, most)
    sweepPlaceholders()
    const writable = (policy.access === 'read-only' ? policy.write : [policy.workspace, ...policy.write]).map(real)
    const opened = Date.now()
    const memory = new FolderCache()
    const { gitDirs, cut } = await findGitDirs(writable, most, memory)
    // A placeholder of another Belay's sandbox is no repository.
    const there = [...gitDirs].filter((path) => !isPlaceholder(path))
    const known = new Map(there.map((path) => [identity(path) ?? path, path] as const))
    return new Repositories(writable, known, cut ? opened - LAG_MS : null, most, memory)
  }

  /** The current guards. */
  guards(): readonly GitGuards[] {
    const roots = this.#writable.map(gitGuards)
    const guarded = new Set([...roots.flatMap(({ pinned }) => pinned), ...this.#writable])
    const nested = [...this.#known.values()].filter((path) => !guarded.has(path) && identity(path) !== null)
    return [...roots, ...nested.map((path) => guardsOfGitDir(path, true))]
  }

  /** Creates the placeholders for the mounts; as `addPlaceholders`. */
  hold(guards: readonly GitGuards[]): () => void {
    return addPlaceholders(guards)
  }

  /** Called after a program has ended: removes what it must not have created. `last`: the sandbox is closing. */
  settle(guards: readonly GitGuards[], release: () => void, last = false): Promise<void> {
    const cleaned = this.#work.then(() => this.#clean(guards, release, last))
    this.#work = cleaned.catch(() => {}) // the caller gets the rejection; later cleanups run anyway
    return cleaned
  }

  async #clean(guards: readonly GitGuards[], release: () => void, last: boolean): Promise<void> {
    release()
    this.#removed.push(...removeForbidden(guards))
    // The last search ignores the cache, because that relies on a clock.
    const { gitDirs } = await findGitDirs(this.#writable, this.#most, last ? new FolderCache() : this.#memory)
    for (const path of gitDirs) {
      const id = identity(path)
      if (id === null || this.#known.has(id) || (this.#since !== null && !changedSince(path, this.#since))) continue
      this.#removed.push(...disarm(path))
    }
  }

  /** What was removed so far, for people. */
  get removed(): readonly string[] {
    return this.#removed
  }
}

/** The identity of a git folder, which stays the same when it is moved; null: it does not exist. */
function identity(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? null : `${found.dev}:${found.ino}`
}
