/** A state folder for each test, its sessions, and other processes that open them. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach } from 'vitest'
import { SessionStore } from '../store.ts'

const HOLD = fileURLToPath(new URL('hold.ts', import.meta.url))

export let home: string
export let store: SessionStore
const children: ChildProcess[] = []

/**
 * Call once per test file. Every test gets an empty home of its own; afterwards it is removed, and its processes are killed.
 */
export function freshHome(): void {
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'belay-sessions-'))
    store = new SessionStore(home)
  })
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'close')
    }
    rmSync(home, { recursive: true, force: true })
  })
}

/** The file with the lines of a session. */
export const log = (id: string): string => join(home, 'sessions', id, 'session.jsonl')

/** Starts another process that opens the session. */
export function other(id: string) {
  const child = spawn(process.execPath, [HOLD, home, id], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    says: async (): Promise<string> => String((await lines.next()).value),
    tell: (line: string): void => void child.stdin.write(`${line}\n`),
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}
