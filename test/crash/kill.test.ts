import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { collect } from '../support/world.ts'
import { CrashWorld, inParallel, randomOf, type KillAt, type Port } from './crash-world.ts'

/**
 * By default a spread of the calls is tried, begun at a place that the seed says. BELAY_KILL_ALL=1 tries every call, before and
 * after it, with and without git's children (about an hour); BELAY_KILL_SEED repeats a run; BELAY_KILL_COUNTED and BELAY_KILL_TIMED set the numbers of
 * counted and random kills.
 */
const EVERY = process.env['BELAY_KILL_ALL'] === '1'
const SEED = Number(process.env['BELAY_KILL_SEED'] ?? Date.now() % 1_000_000)
const TIMED = Number(process.env['BELAY_KILL_TIMED'] ?? 64)
const COUNTED = Number(process.env['BELAY_KILL_COUNTED'] ?? 64)
const PORTS: readonly Port[] = ['record', 'git', 'process', 'files']

const worlds = new Set<CrashWorld>()

function makeWorld(): CrashWorld {
  const world = new CrashWorld()
  worlds.add(world)
  return world
}

function forget(world: CrashWorld): void {
  worlds.delete(world)
  world.dispose()
}

afterEach(() => {
  for (const world of worlds) forget(world)
})

/** A run that nobody disturbs: how often it calls each port, how long it takes, and the tree it ends with. */
async function undisturbed(): Promise<{ counts: Readonly<Record<Port, number>>; ms: number; tree: string }> {
  const world = makeWorld()
  const started = Date.now()
  const { code, stderr, counts } = await world.counted(['run'])
  const ms = Date.now() - started
  expect(code, stderr).toBe(0)
  const tree = world.git('rev-parse', 'main^{tree}')
  world.expectWhole(tree, 'undisturbed')
  forget(world)
  return { counts, ms, tree }
}

function killsOf(counts: Readonly<Record<Port, number>>): KillAt[] {
  const random = randomOf(SEED)
  const all = PORTS.flatMap((port) =>
    Array.from({ length: counts[port] }, (_, i) =>
      (['before', 'after'] as const).flatMap((when) => [false, true].map((group) => ({ port, n: i + 1, when, group }))),
    ).flat(),
  )
  if (EVERY) return all
  const step = all.length / COUNTED
  return Array.from({ length: COUNTED }, (_, i) => all[Math.floor((i + random()) * step)]).filter(
    (kill) => kill !== undefined,
  )
}

describe('kill -9', () => {
  it(
    'at the n-th call of record, git, processes or files: resume ends as if nothing had happened',
    async () => {
      process.stderr.write(`kill seed ${SEED}\n`)
      const { counts, tree } = await undisturbed()
      await inParallel(killsOf(counts), 2, async (at) => {
        const world = makeWorld()
        const hint = `BELAY_KILL_SEED=${SEED} ${JSON.stringify(at)}`
        const first = await world.killed(['run'], at)
        // Two tasks at once do not always make the same calls in the same order: a run may have fewer.
        if (first.code !== 0) expect(first.signal, `${hint}\n${first.stderr}`).toBe('SIGKILL')
        const second = await world.goOn()
        expect(second.code, `${hint}\n${first.stderr}\nthen\n${second.stdout}${second.stderr}`).toBe(0)
        world.expectWhole(tree, `${hint}\n${first.stderr}\nthen\n${second.stderr}`)
        forget(world)
      })
    },
    EVERY ? 4 * 3_600_000 : 600_000 + COUNTED * 10_000,
  )

  it(
    'at random times, again and again, also the whole group: resume ends as if nothing had happened',
    async () => {
      const { ms, tree } = await undisturbed()
      const random = randomOf(SEED + 1)
      const rounds = Array.from({ length: Math.ceil(TIMED / 4) }, (_, n) => ({
        n,
        // Four kills each: the run, then three of its resumes.
        kills: Array.from({ length: 4 }, () => ({ at: Math.round(random() * ms), group: random() < 0.5 })),
      }))
      let killed = 0
      await inParallel(rounds, 2, async ({ n, kills }) => {
        const world = makeWorld()
        const hint = `BELAY_KILL_SEED=${SEED} round ${n} ${JSON.stringify(kills)}`
        let said = ''
        for (const { at, group } of kills) {
          const { run } = await world.json<{ run: object | null }>(['status'])
          const child = world.detached(run === null ? ['run'] : ['resume'])
          const printed = collect(child)
          const timer = setTimeout(
            () => process.kill(group ? -(child.pid as number) : (child.pid as number), 'SIGKILL'),
            at,
          )
          if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
          clearTimeout(timer)
          const { code, signal, stderr } = await printed
          said += `${stderr}\n[${signal ?? code}]\n`
          if (signal === 'SIGKILL') killed += 1
          else expect(code, `${hint}\n${said}`).toBe(0)
        }
        const last = await world.goOn()
        expect(last.code, `${hint}\n${said}${last.stdout}${last.stderr}`).toBe(0)
        world.expectWhole(tree, `${hint}\n${said}${last.stderr}`)
        forget(world)
      })
      expect(killed).toBeGreaterThan(TIMED / 3)
    },
    600_000 + TIMED * 10_000,
  )
})
