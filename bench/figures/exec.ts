import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { claudeEnv } from '../../src/agents/claude/testing/harness.ts'
import { codexHome } from '../../src/agents/codex/testing/harness.ts'
import { agentCli, cliMissing, pathWithClis } from '../../test/support/agent-clis.ts'
import { startModelServer, type Step } from '../../test/support/model-server/index.ts'
import { compare, type Bench } from '../support/figure.ts'
import { inFolder } from '../support/folder.ts'

const BUILT = fileURLToPath(new URL('../../test/support/built.mjs', import.meta.url))
const CALLS = 10

interface Player {
  readonly name: string
  /** Its shell tool and what it calls the command. */
  readonly tool: readonly [string, string]
  /** Program, arguments and environment, for a model at `url`; `home` is empty and its own. */
  command(
    url: string,
    home: string,
  ): { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }
}

const BASE = { PATH: pathWithClis(), TMPDIR: tmpdir(), TZ: 'UTC' }

function belay(sandbox: string): Player {
  return {
    name: `belay exec (${sandbox})`,
    tool: ['bash', 'command'],
    command: (url, home) => ({
      argv: [
        process.execPath,
        BUILT,
        'exec',
        'go',
        '--agent',
        'engine',
        '--model',
        'openai-compatible/m1',
        '--sandbox',
        sandbox,
      ],
      env: {
        ...BASE,
        HOME: home,
        BELAY_HOME: join(home, 'state'),
        OPENAI_BASE_URL: `${url}/v1`,
        OPENAI_API_KEY: 'scripted',
        // Compiled code is kept between starts, as on a user's machine; the home is new each time.
        NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
      },
    }),
  }
}

const claude: Player = {
  name: 'claude -p',
  tool: ['Bash', 'command'],
  command: (url, home) => ({
    argv: [
      agentCli('claude') ?? 'claude',
      '-p',
      'go',
      '--output-format',
      'stream-json',
      '--verbose',
      '--dangerously-skip-permissions',
    ],
    env: { ...BASE, ...claudeEnv(url, 'key'), HOME: home },
  }),
}

const codex: Player = {
  name: 'codex exec',
  tool: ['exec_command', 'cmd'],
  command: (url) => ({
    argv: [
      agentCli('codex') ?? 'codex',
      'exec',
      '--json',
      '--skip-git-repo-check',
      '--dangerously-bypass-approvals-and-sandbox',
      'go',
    ],
    env: codexHome(url).env,
  }),
}

/** The same scripted task for Belay's engine and the real agents, in turns: ten shell calls, then done. */
export const exec: Bench = {
  name: 'exec',
  measure: async ({ quick }) => {
    const peers = [claude, codex].filter(({ name }, i) => {
      const missing = cliMissing(i === 0 ? 'claude' : 'codex')
      if (missing !== null) process.stderr.write(`${name}: left out, ${missing}\n`)
      return missing === null
    })
    const players = [belay('host'), belay('os'), ...peers]
    const seen = new Map(players.map(({ name }) => [name, { ms: [] as number[], mb: [] as number[] }]))
    for (let round = -1; round < (quick ? 3 : 11); round++) {
      for (const player of players) {
        const { ms, mb } = await once10(player)
        if (round < 0) continue // the first of each fills caches
        seen.get(player.name)?.ms.push(ms)
        seen.get(player.name)?.mb.push(mb)
      }
    }
    return [belay('host'), belay('os')].flatMap(({ name }) => {
      const own = seen.get(name) ?? { ms: [], mb: [] }
      const beside = peers.flatMap((peer) => {
        const other = seen.get(peer.name) ?? { ms: [], mb: [] }
        return [
          compare(
            `${name}: 10 calls`,
            'ms',
            own.ms,
            { what: peer.name, values: other.ms },
            {
              goal: { text: 'at most half of it', met: (_, ratio) => ratio <= 0.5 },
            },
          ),
          compare(
            `${name}: memory`,
            'MB',
            own.mb,
            { what: peer.name, values: other.mb },
            {
              goal: { text: 'below 90 MB', met: (size) => size < 90 },
            },
          ),
        ]
      })
      return beside.length > 0
        ? beside
        : [compare(`${name}: 10 calls`, 'ms', own.ms, null), compare(`${name}: memory`, 'MB', own.mb, null)]
    })
  },
}

/** Wall time of one task in ms, and the largest resident size that any of its processes had, in MB (Linux; 0 elsewhere). */
async function once10(player: Player): Promise<{ readonly ms: number; readonly mb: number }> {
  const [tool, key] = player.tool
  const calls: Step[] = Array.from({ length: CALLS }, (_, n) => ({
    reply: { calls: [{ name: tool, input: { [key]: `echo ${n}` } }] },
  }))
  const model = await startModelServer({ steps: [...calls, { reply: { say: 'done' } }] })
  try {
    return await inFolder(async (folder) => {
      const [home, work] = [join(folder, 'home'), join(folder, 'work')]
      mkdirSync(home)
      mkdirSync(work)
      const { argv, env } = player.command(model.url, home)
      const started = performance.now()
      const child = spawn(argv[0] ?? '', argv.slice(1), { cwd: work, env, stdio: ['ignore', 'pipe', 'pipe'] })
      let said = ''
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
      const peak = watch(child.pid ?? 0)
      const [code] = (await once(child, 'close')) as [number | null]
      const ms = performance.now() - started
      if (code !== 0) throw new Error(`${player.name} ended with ${code}:\n${said.slice(-2000)}`)
      return { ms, mb: peak() }
    })
  } finally {
    await model.close()
  }
}

/** Looks at a process and its children until asked; the largest peak that the kernel has counted for one of them, in MB. */
function watch(root: number): () => number {
  let largest = 0
  const look = (): void => {
    for (const pid of family(root)) largest = Math.max(largest, peakOf(pid))
  }
  const timer = setInterval(look, 25)
  return () => {
    clearInterval(timer)
    return largest / 1024
  }
}

function family(root: number): number[] {
  const found = [root]
  for (const pid of found) {
    try {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
        found.push(...children.split(' ').filter(Boolean).map(Number))
      }
    } catch {
      // it has ended, or this is no Linux
    }
  }
  return found
}

function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
