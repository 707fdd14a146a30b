import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { BatchWorld } from '../support/batch-world.ts'
import { collect, type Result } from '../support/world.ts'

const KILLER = fileURLToPath(new URL('killer.mjs', import.meta.url))
const BUILT = fileURLToPath(new URL('../support/built.cjs', import.meta.url))
/** At how many points one test run kills Belay; BELAY_CRASH_POINTS sets another number. */
const POINTS = Number(process.env['BELAY_CRASH_POINTS'] ?? 8)

let world: BatchWorld
afterEach(() => world.dispose())

function begin(): void {
  // The second file's first answer is wrong, so that a re-ask is among what is interrupted.
  world = new BatchWorld({ 'b.md': [{ answer: { summary: 1 } }, {}] })
  world.files({ 'a.md': 'A', 'b.md': 'B' }).batch()
}

/** Runs the batch under the killer (test/crash/killer.mjs). */
async function under(env: Readonly<Record<string, string>>): Promise<Result> {
  const child = spawn(process.execPath, ['--import', KILLER, BUILT, 'batch', '--config', 'batch.yaml'], {
    cwd: world.repo,
    env: { ...world.env, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return collect(child)
}

async function count(port: string): Promise<number> {
  begin()
  const file = join(world.dir, 'counts.json')
  expect((await under({ KILL_COUNT: file })).code).toBe(0)
  const counts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>
  world.dispose()
  return counts[port] ?? 0
}

/** Files whose answer is in the record: nothing may be paid for them again. */
async function answered(): Promise<string[]> {
  if (!existsSync(join(world.home, 'belay.db'))) return []
  const { stdout } = await world.belay(['events', '--type', 'task.phase', '--json'])
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { task: string; data: { outcome: string } })
    .filter((event) => event.data.outcome === 'answered')
    .map((event) => event.task)
}

describe('kill -9 in a batch', () => {
  it.each(['record', 'files'])('at a call of the port %s loses nothing and pays for nothing twice', async (port) => {
    const calls = await count(port)
    expect(calls).toBeGreaterThan(8)
    for (let point = 0; point < POINTS; point++) {
      const n = 1 + Math.floor((point * calls) / POINTS + Math.random() * (calls / POINTS))
      const when = Math.random() < 0.5 ? 'before' : 'after'
      const at = `${port}:${Math.min(n, calls)}:${when}`
      begin()
      const killed = await under({ KILL_AT: at })
      const results = join(world.repo, 'results.json')
      if (existsSync(results)) expect(() => JSON.parse(readFileSync(results, 'utf8')) as unknown, at).not.toThrow()
      const safe = killed.signal === 'SIGKILL' ? await answered() : []
      const before = world.asked()
      const again = await world.run()
      expect(again.code, `${at}\n${again.stderr}`).toBe(0)
      expect(world.results(), at).toEqual({ 'a.md': { summary: 'A' }, 'b.md': { summary: 'B' } })
      const later = world.asked().slice(before.length)
      expect(
        later.filter((path) => safe.includes(path)),
        at,
      ).toEqual([])
      expect(
        readdirSync(world.repo).filter((name) => name.endsWith('.tmp')),
        at,
      ).toEqual([])
      expect(existsSync(join(world.home, 'tmp')), at).toBe(false)
      world.dispose()
    }
    begin()
  })
})
