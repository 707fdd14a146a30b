/** Belay's own agent, and an agent in a sandbox, as steps of a workflow. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { findBackend } from '../src/sandbox/index.ts'
import { cannotRun } from '../src/sandbox/testing/harness.ts'
import { startModelServer, type ModelServer } from './support/model-server/index.ts'
import { WorkflowWorld, finished } from './support/workflow-world.ts'

const SUPPORT = fileURLToPath(new URL('support', import.meta.url))
const noOs = (await findBackend('os').probe())?.message ?? null

let world: WorkflowWorld
let model: ModelServer | undefined
afterEach(async () => {
  await model?.close()
  model = undefined
  world.dispose()
})

describe('steps of a workflow', () => {
  it('by the engine, as the agent definition that they name', async () => {
    model = await startModelServer({
      routes: [
        {
          name: 'writer',
          when: () => true,
          steps: [
            { reply: { calls: [{ name: 'write', input: { file_path: 'poem.txt', content: 'a rope\n' } }] } },
            { reply: { say: JSON.stringify({ title: 'A rope' }) } },
          ],
        },
      ],
      isSide: () => false,
    })
    world = new WorkflowWorld()
    Object.assign(world.env, { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'scripted' })
    world
      .files({ '.belay/agents/poet.md': '---\ndescription: writes\n---\nYou write about ropes only.\n' })
      .commit('poet')
    const agent = { provider: 'engine', model: 'anthropic/claude-sonnet-5', definition: 'poet', timeout: '1m' }
    const schema = { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] }
    world.flow([{ id: 'write', type: 'agent', agent, prompt: 'Write a poem.', output_schema: schema }])
    const result = await world.run('--json')
    expect(result.code, result.stderr).toBe(0)
    expect(finished(result).output).toEqual({ title: 'A rope' })
    expect(model.requests[0]?.text).toContain('You write about ropes only.')
    expect(model.requests[0]?.text).toContain('Write a poem.')
    const { run } = await world.json<{ run: { result_branch: string; cost_usd: number } }>(['status'])
    expect(world.git('show', `${run.result_branch}:poem.txt`)).toBe('a rope')
    expect(run.cost_usd).toBeGreaterThan(0)
    const wrong = { ...agent, provider: 'codex' }
    world.flow([{ id: 'write', type: 'agent', agent: wrong, prompt: 'Write a poem.' }])
    const refused = await world.belay(['workflow', 'validate', world.file])
    expect(refused.code).toBe(2)
    expect(refused.stdout).toContain('only the engine has agent definitions')
  })

  const title = 'in a sandbox cannot leave their workspace, and their work is kept'
  if (noOs !== null) cannotRun(title, noOs)
  else {
    it(title, async () => {
      world = new WorkflowWorld()
      const outside = join(world.dir, 'outside')
      mkdirSync(outside)
      world.turns({ do: [{ files: { 'in.txt': 'in\n' }, sh: `echo out > ${outside}/out.txt || true` }] })
      const command = [process.execPath, join(SUPPORT, 'step-agent.mjs'), world.agentDir]
      const sandbox = { backend: 'os', read: [world.agentDir, SUPPORT], write: [world.agentDir], pids: 500 }
      world.flow([{ id: 'do', type: 'agent', agent: { command, sandbox, timeout: '1m' }, prompt: 'Do it.' }])
      const result = await world.run('--json')
      expect(result.code, result.stderr).toBe(0)
      expect(existsSync(join(outside, 'out.txt'))).toBe(false)
      const { run } = await world.json<{ run: { result_branch: string } }>(['status'])
      expect(world.git('show', `${run.result_branch}:in.txt`)).toBe('in')
    })
  }
})
