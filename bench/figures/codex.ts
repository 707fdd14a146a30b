import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codexHome } from '../../src/agents/codex/testing/harness.ts'
import { agentCli, cliMissing, pathWithClis } from '../../test/support/agent-clis.ts'
import { startModelServer, type ModelRequest, type Reply } from '../../test/support/model-server/index.ts'
import { World } from '../../test/support/world.ts'
import { compare, timed, type Bench } from '../support/figure.ts'

const HANDLES = ['T001', 'T002', 'T003']

/** Three tasks with the real Codex and a scripted model, compared with the same six calls of `codex exec` alone. */
export const codexTasks: Bench = {
  name: 'codex',
  measure: async ({ quick }) => {
    const missing = cliMissing('codex')
    if (missing !== null) {
      process.stderr.write(`codex: left out, ${missing}\n`)
      return []
    }
    const own: number[] = []
    const alone: number[] = []
    const beyond: number[] = []
    for (let round = -1; round < (quick ? 5 : 9); round++) {
      const model = await startModelServer({ steps: [{ reply: answer, every: true }] })
      const home = codexHome(model.url)
      const world = makeWorld(home.env)
      try {
        const bare = (await timed(() => sixCalls(world))) / HANDLES.length
        const whole = (await timed(() => runAll(world))) / HANDLES.length
        if (round < 0) continue // the first round fills caches
        own.push(whole)
        alone.push(bare)
        beyond.push((whole - bare) / 1000)
      } finally {
        world.dispose()
        home.remove()
        await model.close()
      }
    }
    return [
      compare('a whole task with Codex', 'ms', own, { what: 'its two `codex exec` alone', values: alone }),
      compare('the same, beyond the agents', 's', beyond, null, {
        goal: { text: 'below 0.10 s a task', met: (seconds) => seconds < 0.1 },
        published: 'task-while: 0.16 s a task',
      }),
    ]
  },
}

/** The scripted reply: an implementer gets one command and then its answer, a reviewer its answer at once. */
function answer({ text, messages }: ModelRequest): Reply {
  const handle = /T00\d/.exec(/(?:Task|Review of task) (T00\d)/.exec(text)?.[0] ?? '')?.[0] ?? 'T001'
  if (text.includes('Review of task')) {
    const acceptanceChecks = [{ criterion: `Write ${handle}`, note: 'seen', status: 'pass' }]
    const verdict = {
      taskHandle: handle,
      summary: 'good',
      verdict: 'pass',
      overallRisk: 'low',
      findings: [],
      acceptanceChecks,
    }
    return { say: JSON.stringify(verdict) }
  }
  if (messages.at(-1)?.role !== 'tool') {
    return { calls: [{ name: 'exec_command', input: { cmd: `echo ${handle} > ${handle}.txt` } }] }
  }
  const done = { assumptions: [], notes: [], unresolvedItems: [], needsHumanAttention: false }
  return { say: JSON.stringify({ taskHandle: handle, summary: 'did it', status: 'implemented', ...done }) }
}

function makeWorld({ PATH: _path, HOME: _home, ...env }: Readonly<Record<string, string>>): World {
  const world = new World()
  // Codex gets a new temporary folder each time, and Belay's compile cache must not be lost with it.
  Object.assign(world.env, env, { PATH: pathWithClis(), NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') })
  world
    .files({
      'belay.yaml': 'workflow:\n  roles:\n    implementer: {provider: codex}\n    reviewer: {provider: codex}\n',
    })
    .feature(
      '001-three',
      HANDLES.map((handle) => `- [ ] ${handle} Write ${handle}`),
    )
    .commit()
  return world
}

async function runAll(world: World): Promise<void> {
  const result = await world.belay(['run'])
  if (result.code !== 0) throw new Error(`belay run ended with ${result.code}:\n${result.stderr}`)
}

async function sixCalls(world: World): Promise<void> {
  for (const handle of HANDLES) {
    for (const prompt of [`Task ${handle}`, `Review of task ${handle}`]) {
      // The same sandbox and model as Belay gives it.
      const sandbox = prompt.startsWith('Task') ? 'workspace-write' : 'read-only'
      const args = ['exec', '--json', '--skip-git-repo-check', '--sandbox', sandbox, prompt]
      const child = spawn(agentCli('codex') ?? 'codex', args, {
        cwd: world.agentDir,
        env: world.env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      child.stdout.resume()
      child.stderr.resume()
      const [code] = (await once(child, 'close')) as [number | null]
      if (code !== 0) throw new Error(`codex exec ended with ${code}`)
    }
  }
}
