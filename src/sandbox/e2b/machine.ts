import type { Sandbox as Remote } from 'e2b'
import { isEqual, scan, unchanged, type Manifest } from './manifest.ts'
import { pack, unpackInto } from './mirror.ts'

/** A folder of this machine, and its path in the sandbox. */
export interface Shared {
  readonly host: string
  readonly inside: string
  readonly writable: boolean
}

const ARCHIVE = '/tmp/.belay-sync.tar'
/** Timeout of one transfer in ms. A large workspace takes long. */
const SYNC_MS = 30 * 60_000
/** So many conflicts are told one by one. */
const MAX_TOLD = 20

/** Copies folders into the sandbox before a program and back after it; one transfer at a time. */
export class Sync {
  readonly #remote: Remote
  readonly #shared: readonly Shared[]
  readonly #skip: ReadonlySet<string>
  /** What both sides have in common, by host folder. */
  readonly #bases = new Map<string, Manifest>()
  readonly #told = new Set<string>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(remote: Remote, shared: readonly Shared[], hidden: readonly string[]) {
    this.#remote = remote
    this.#shared = shared
    this.#skip = new Set(hidden)
  }

  /** Uploads every folder that has changed here since both sides were last equal. */
  push(): Promise<void> {
    return this.#inTurn(async () => {
      for (const { host, inside } of this.#shared) {
        const base = this.#bases.get(host)
        const now = scan(host, this.#skip, base)
        if (base !== undefined && isEqual(base, now)) continue
        const bytes = await pack(host, [...this.#skip])
        // What changed meanwhile may be in the archive as it was before or as it is now.
        const packed = unchanged(now, scan(host, this.#skip, now))
        this.#bases.delete(host) // until everything is there
        await this.#remote.files.write(ARCHIVE, new Blob([new Uint8Array(bytes)]), {
          useOctetStream: true,
          requestTimeoutMs: SYNC_MS,
        })
        await this.#shell('rm -rf "$1" && mkdir -p "$1" && tar -C "$1" -xf "$2" && rm -f "$2"', inside)
        this.#bases.set(host, packed)
      }
    })
  }

  /** Downloads the writable folders, and makes here what programs have changed in them. Changes made here are kept. */
  pull(): Promise<void> {
    return this.#inTurn(async () => {
      for (const { host, inside, writable } of this.#shared) {
        if (!writable) continue
        await this.#shell('tar -C "$1" --exclude=.git -cf "$2" .', inside)
        const archive = await this.#remote.files.read(ARCHIVE, { format: 'bytes', requestTimeoutMs: SYNC_MS })
        const base = this.#bases.get(host) ?? new Map()
        this.#bases.set(host, base)
        await unpackInto({ to: host, skip: this.#skip, base, tell: (message) => this.#told.add(message) }, archive)
      }
    })
  }

  /** What was changed both here and there, one sentence each, for people. */
  conflicts(): readonly string[] {
    const all = [...this.#told]
    if (all.length <= MAX_TOLD) return all
    return [...all.slice(0, MAX_TOLD), `${all.length - MAX_TOLD} more files were changed here and in the sandbox`]
  }

  async #shell(script: string, inside: string): Promise<void> {
    await this.#remote.commands.run(shellLine(['/bin/sh', '-c', script, 'sync', inside, ARCHIVE]), {
      timeoutMs: SYNC_MS,
    })
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {}) // the caller gets the rejection
    return done
  }
}

/** Words as one shell command line, quoted so that the command gets them unchanged. */
export function shellLine(argv: readonly string[]): string {
  return argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
}
