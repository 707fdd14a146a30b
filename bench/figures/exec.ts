import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startModelServer, type Step } from '../../test/support/model-server/index.ts'
import { childrenCpuMs, watchMemory, type Memory } from '../support/cost.ts'
import { compare, spread, type Bench, type Figure } from '../support/figure.ts'
import { inFolder } from '../support/folder.ts'
import { belay, installedPeers, type Player } from '../support/players.ts'

const CALLS = 10

interface Goal {
  readonly text: string
  met(value: number, ratio: number): boolean
}

const HALF: Goal = { text: 'at most half of it', met: (_, ratio) => ratio <= 0.5 }
const SMALL: Goal = { text: 'below 90 MB', met: (size) => size < 90 }

/** The measurements of one player. */
interface Seen {
  readonly ms: number[]
  readonly cpu: number[]
  readonly largest: number[]
  readonly together: number[]
}

interface Played {
  readonly player: Player
  readonly seen: Seen
}

/** The same scripted task for Belay's engine and the real agents, in turns: ten shell calls, then done. */
export const exec: Bench = {
  name: 'exec',
  measure: async ({ quick }) => {
    const own = [belay('host'), belay('os')].map(unseen)
    const peers = installedPeers().map(unseen)
    for (let round = -1; round < (quick ? 3 : 11); round++) {
      for (const { player, seen } of [...own, ...peers]) {
        const { ms, cpu } = await timed(player)
        if (round < 0) continue // the first round of each fills caches
        seen.ms.push(ms)
        seen.cpu.push(cpu)
      }
    }
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      for (const { player, seen } of [...own, ...peers]) {
        const { largest, together } = await weighed(player)
        seen.largest.push(largest)
        seen.together.push(together)
      }
    }
    return own.flatMap((one) => figuresOf(one, peers))
  },
}

/** Compares the time with every other agent, and each other quantity with the agent that needs least of it. */
function figuresOf({ player: { name }, seen }: Played, peers: readonly Played[]): readonly Figure[] {
  const figure = (what: string, unit: Figure['unit'], key: keyof Seen, peer: Played | undefined, goal?: Goal): Figure =>
    compare(
      `${name}: ${what}`,
      unit,
      seen[key],
      peer === undefined ? null : { what: peer.player.name, values: peer.seen[key] },
      goal === undefined ? {} : { goal },
    )
  const least = (key: keyof Seen): Played | undefined =>
    peers.toSorted((a, b) => spread(a.seen[key]).median - spread(b.seen[key]).median)[0]
  const times = peers.map((peer) => figure('10 calls', 'ms', 'ms', peer, HALF))
  return [
    ...(times.length > 0 ? times : [figure('10 calls', 'ms', 'ms', undefined)]),
    figure('processor time', 'ms', 'cpu', least('cpu')),
    figure('largest process', 'MB', 'largest', least('largest'), SMALL),
    figure('all processes', 'MB', 'together', least('together'), SMALL),
  ]
}

function unseen(player: Player): Played {
  return { player, seen: { ms: [], cpu: [], largest: [], together: [] } }
}

/** Wall time and processor time of one task, in ms. */
async function timed(player: Player): Promise<{ readonly ms: number; readonly cpu: number }> {
  return play(player, () => {
    const [started, used] = [performance.now(), childrenCpuMs()]
    return () => ({ ms: performance.now() - started, cpu: childrenCpuMs() - used })
  })
}

async function weighed(player: Player): Promise<Memory> {
  return play(player, watchMemory)
}

/** Lets a player do the task. `look` gets its process id; the function that it returns is called at the end. */
async function play<T>(player: Player, look: (pid: number) => () => T): Promise<T> {
  const calls: Step[] = Array.from({ length: CALLS }, (_, n) => ({ reply: { calls: [player.call(`echo ${n}`)] } }))
  const model = await startModelServer({
    steps: [...calls, { reply: { say: 'done' } }],
    isSide: player.isSide,
  })
  try {
    return await inFolder(async (folder) => {
      const [home, work] = [join(folder, 'home'), join(folder, 'work')]
      mkdirSync(home)
      mkdirSync(work)
      const { argv, env, remove } = player.start(model.url, home)
      try {
        return await run(player.name, argv, env, work, look)
      } finally {
        remove()
      }
    })
  } finally {
    await model.close()
  }
}

async function run<T>(
  name: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
  look: (pid: number) => () => T,
): Promise<T> {
  const child = spawn(argv[0] ?? '', argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const seen = look(child.pid ?? 0)
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  const result = seen()
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${said.slice(-2000)}`)
  return result
}
