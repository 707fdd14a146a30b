import { compare, timed, type Bench, type Figure } from '../support/figure.ts'
import { bareAgents, instantWorld } from '../support/instant.ts'

/** What Belay adds to a task whose agents answer at once: everything from `belay run` to its end, per task. */
export const tasks: Bench = {
  name: 'tasks',
  measure: async ({ quick }) => [
    await perTask('a whole task, one after the other', { count: 6, concurrency: 1, rounds: quick ? 2 : 5 }),
    await perTask('a whole task, 4 at a time', { count: 12, concurrency: 4, rounds: quick ? 2 : 5 }),
  ],
}

interface Shape {
  readonly count: number
  readonly concurrency: number
  readonly rounds: number
}

async function perTask(name: string, { count, concurrency, rounds }: Shape): Promise<Figure> {
  const own: number[] = []
  const bare: number[] = []
  for (let round = 0; round < rounds; round++) {
    const world = instantWorld(count, { parallel: concurrency > 1 })
    try {
      own.push((await timed(() => runAll(world, concurrency))) / count)
      bare.push((await timed(() => agentsAlone(world, count, concurrency))) / count)
    } finally {
      world.dispose()
    }
  }
  return compare(name, 'ms', own, { what: 'its two agents alone', values: bare })
}

type World = ReturnType<typeof instantWorld>

async function runAll(world: World, concurrency: number): Promise<void> {
  const result = await world.belay(['run', '--concurrency', String(concurrency)])
  if (result.code !== 0) throw new Error(`belay run ended with ${result.code}:\n${result.stderr}`)
}

async function agentsAlone(world: World, count: number, concurrency: number): Promise<void> {
  const handles = Array.from({ length: count }, (_, n) => `T${n}`)
  const worker = async (): Promise<void> => {
    for (let handle = handles.pop(); handle !== undefined; handle = handles.pop()) await bareAgents(world, handle)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
