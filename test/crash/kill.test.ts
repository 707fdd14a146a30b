import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { collect } from '../support/world.ts'
import { CrashWorld, ONE, THREE, inParallel, randomOf, type KillAt, type Port } from './crash-world.ts'

/**
 * Always covered:
 * - every call of record, git and processes that a run of one task makes, each once: before or after it, with or without git's
 *   children, as the seed decides (the next seed takes the other);
 * - for a run of three tasks, two at once, a sample of these calls and of file calls;
 * - kills by an outside timer.
 * BELAY_KILL_ALL=1 tries every call of all four ports in all four ways, in both runs (over an hour). BELAY_KILL_SEED repeats a
 * run. BELAY_KILL_COUNTED and BELAY_KILL_TIMED set the size of the sample and the number of random kills.
 */
const EVERY = process.env['BELAY_KILL_ALL'] === '1'
const SEED = Number(process.env['BELAY_KILL_SEED'] ?? Date.now() % 1_000_000)
const TIMED = Number(process.env['BELAY_KILL_TIMED'] ?? 64)
const COUNTED = Number(process.env['BELAY_KILL_COUNTED'] ?? 24)
const PORTS: readonly Port[] = ['record', 'git', 'process', 'files']

const worlds = new Set<CrashWorld>()

function makeWorld(story = THREE): CrashWorld {
  const world = new CrashWorld('', story)
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
async function undisturbed(
  story = THREE,
): Promise<{ counts: Readonly<Record<Port, number>>; ms: number; tree: string }> {
  const world = makeWorld(story)
  const started = Date.now()
  const { code, stderr, counts } = await world.counted(['run'])
  const ms = Date.now() - started
  expect(code, stderr).toBe(0)
  const tree = world.git('rev-parse', 'main^{tree}')
  world.expectWhole(tree, 'undisturbed')
  forget(world)
  return { counts, ms, tree }
}

/** Every call of these ports, in each of the four ways. */
function waysOf(counts: Readonly<Record<Port, number>>, ports: readonly Port[]): KillAt[][] {
  return ports.flatMap((port) =>
    Array.from({ length: counts[port] }, (_, i) =>
      (['before', 'after'] as const).flatMap((when) => [false, true].map((group) => ({ port, n: i + 1, when, group }))),
    ),
  )
}

/** Every call once. */
function everyCall(counts: Readonly<Record<Port, number>>): KillAt[] {
  if (EVERY) return waysOf(counts, PORTS).flat()
  return waysOf(counts, ['record', 'git', 'process']).flatMap((ways, i) => ways[(i + SEED) % ways.length] ?? [])
}

function spread(counts: Readonly<Record<Port, number>>): KillAt[] {
  const random = randomOf(SEED)
  const all = waysOf(counts, PORTS).flat()
  if (EVERY) return all
  const step = all.length / COUNTED
  return Array.from({ length: COUNTED }, (_, i) => all[Math.floor((i + random()) * step)]).filter(
    (kill) => kill !== undefined,
  )
}

describe('kill -9', () => {
  it.each([
    { what: 'every call of record, git and processes that a run makes', story: ONE, killsOf: everyCall },
    { what: 'calls of a run with tasks side by side, also of files', story: THREE, killsOf: spread },
  ])(
    'at $what: resume ends as if nothing had happened',
    async ({ story, killsOf }) => {
      const { counts, tree } = await undisturbed(story)
      const kills = killsOf(counts)
      process.stderr.write(
        `kill seed ${SEED}: ${kills.length} kills of a run with the calls ${JSON.stringify(counts)}\n`,
      )
      await inParallel(kills, 2, async (at) => {
        const world = makeWorld(story)
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
    EVERY ? 6 * 3_600_000 : 3_600_000,
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
