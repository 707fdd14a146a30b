import type { Sandbox as Remote } from 'e2b'
import { fingerprint, pack, unpackInto } from './mirror.ts'

/** A folder of this machine and where it is in the sandbox. */
export interface Shared {
  readonly host: string
  readonly inside: string
  readonly writable: boolean
}

const ARCHIVE = '/tmp/.belay-sync.tar'
/** A big workspace takes long; there is no other limit to it. */
const SYNC_MS = 30 * 60_000

/** Carries folders into the sandbox before a program and back after it, one after the other. */
export class Sync {
  readonly #remote: Remote
  readonly #shared: readonly Shared[]
  readonly #skip: ReadonlySet<string>
  readonly #last = new Map<string, string>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(remote: Remote, shared: readonly Shared[], hidden: readonly string[]) {
    this.#remote = remote
    this.#shared = shared
    this.#skip = new Set(hidden)
  }

  /** What changed here since it was last the same on both sides. */
  push(): Promise<void> {
    return this.#inTurn(async () => {
      for (const { host, inside } of this.#shared) {
        const now = fingerprint(host, this.#skip)
        if (this.#last.get(host) === now) continue
        const bytes = await pack(host, [...this.#skip])
        await this.#remote.files.write(ARCHIVE, new Blob([new Uint8Array(bytes)]), {
          useOctetStream: true,
          requestTimeoutMs: SYNC_MS,
        })
        await this.#shell('rm -rf "$1" && mkdir -p "$1" && tar -C "$1" -xf "$2" && rm -f "$2"', inside)
        this.#last.set(host, now)
      }
    })
  }

  /** What programs changed there. */
  pull(): Promise<void> {
    return this.#inTurn(async () => {
      for (const { host, inside, writable } of this.#shared) {
        if (!writable) continue
        await this.#shell('tar -C "$1" --exclude=.git -cf "$2" .', inside)
        const archive = await this.#remote.files.read(ARCHIVE, { format: 'bytes', requestTimeoutMs: SYNC_MS })
        await unpackInto(host, archive, this.#skip)
        this.#last.set(host, fingerprint(host, this.#skip))
      }
    })
  }

  async #shell(script: string, inside: string): Promise<void> {
    await this.#remote.commands.run(shellLine(['/bin/sh', '-c', script, 'sync', inside, ARCHIVE]), {
      timeoutMs: SYNC_MS,
    })
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {}) // whoever waits for it is told
    return done
  }
}

/** Words as one line of a shell, which gets them as they are. */
export function shellLine(argv: readonly string[]): string {
  return argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
}
