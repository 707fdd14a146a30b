import { spawnSync } from 'node:child_process'
import { compare, timed, type Bench } from '../support/figure.ts'
import { instantWorld } from '../support/instant.ts'

/** How long a short command takes, compared with Node alone. */
export const start: Bench = {
  name: 'start',
  measure: async ({ quick }) => {
    const world = instantWorld(3)
    try {
      const made = await world.belay(['run'])
      if (made.code !== 0) throw new Error(`belay run ended with ${made.code}:\n${made.stderr}`)
      const status: number[] = []
      const version: number[] = []
      const node: number[] = []
      for (let round = 0; round < (quick ? 6 : 25); round++) {
        node.push(await timed(() => spawnSync(process.execPath, ['-e', '0'], { env: world.env })))
        status.push(await timed(() => world.belay(['status'])))
        version.push(await timed(() => world.belay(['--version'])))
      }
      const beside = { what: 'node -e 0', values: node }
      return [
        compare('belay --version', 'ms', version, beside),
        compare('belay status', 'ms', status, beside, {
          goal: { text: 'at most 5 times a bare start of Node', met: (_, ratio) => ratio <= 5 },
        }),
      ]
    } finally {
      world.dispose()
    }
  },
}
