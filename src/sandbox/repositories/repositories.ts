import { statSync } from 'node:fs'
import { FolderCache } from './folder-cache.ts'
import { disarm, changedSince } from './disarm.ts'
import { gitGuards, guardsOfGitDir, addPlaceholders, removeForbidden, type GitGuards } from './guards.ts'
import { findGitDirs } from './scan.ts'
import { isPlaceholder, sweepPlaceholders } from './placeholders.ts'
import type { SandboxPolicy } from '../port.ts'
import { real } from '../paths.ts'

/**
 * Folders that are looked through when a sandbox opens and closes, and after each of its programs: then most are as they were.
 */
const MOST = 20_000

/** The clock of file systems lags behind. */
const LAG_MS = 100

/**
 * The repositories that programs of one sandbox could change. Those that are there when it opens are guarded; those that are
 * made later have what makes git run programs taken out when a program ends, before anybody uses them.
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

  /** Looks at what a policy lets programs write, in `most` folders. With access `full` nothing is guarded. */
  static async of(policy: SandboxPolicy, most = MOST): Promise<Repositories> {
    if (policy.access === 'full') return new Repositories([], new Map(), null, most)
    sweepPlaceholders()
    const writable = (policy.access === 'read-only' ? policy.write : [policy.workspace, ...policy.write]).map(real)
    const opened = Date.now()
    const memory = new FolderCache()
    const { gitDirs, cut } = await findGitDirs(writable, most, memory)
    // What another Belay's sandbox put there is no repository.
    const there = [...gitDirs].filter((path) => !isPlaceholder(path))
    const known = new Map(there.map((path) => [identity(path) ?? path, path] as const))
    return new Repositories(writable, known, cut ? opened - LAG_MS : null, most, memory)
  }

  /** What is to be kept, as it is now. */
  guards(): readonly GitGuards[] {
    const roots = this.#writable.map(gitGuards)
    const guarded = new Set([...roots.flatMap(({ pinned }) => pinned), ...this.#writable])
    const nested = [...this.#known.values()].filter((path) => !guarded.has(path) && identity(path) !== null)
    return [...roots, ...nested.map((path) => guardsOfGitDir(path, true))]
  }

  /** Empty folders at places that must stay empty, for the mounts; as `addPlaceholders`. */
  hold(guards: readonly GitGuards[]): () => void {
    return addPlaceholders(guards)
  }

  /** A program has ended: takes away what it must not have made. `last`: and so has the sandbox. */
  settle(guards: readonly GitGuards[], release: () => void, last = false): Promise<void> {
    const cleaned = this.#work.then(() => this.#clean(guards, release, last))
    this.#work = cleaned.catch(() => {}) // told to who asked; what comes after is cleaned all the same
    return cleaned
  }

  async #clean(guards: readonly GitGuards[], release: () => void, last: boolean): Promise<void> {
    release()
    this.#removed.push(...removeForbidden(guards))
    // The last look trusts no clock.
    const { gitDirs } = await findGitDirs(this.#writable, this.#most, last ? new FolderCache() : this.#memory)
    for (const path of gitDirs) {
      const id = identity(path)
      if (id === null || this.#known.has(id) || (this.#since !== null && !changedSince(path, this.#since))) continue
      this.#removed.push(...disarm(path))
    }
  }

  /** What was taken away so far, for people. */
  get removed(): readonly string[] {
    return this.#removed
  }
}

/** What a git folder stays the same by, however it is moved; null: it is not there. */
function identity(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? null : `${found.dev}:${found.ino}`
}
