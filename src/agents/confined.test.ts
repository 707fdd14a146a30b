import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { findBackend } from '../sandbox/index.ts'
import { commandAgent } from './command/index.ts'
import { confinedAgent } from './confined.ts'
import { engineAgent } from './engine/index.ts'
import type { TurnEvent, TurnRequest } from './port.ts'
import { ALONE } from './turn.ts'

const request: TurnRequest = {
  role: 'implementer',
  prompt: 'x',
  outputSchema: null,
  cwd: tmpdir(),
  env: {},
  model: null,
  effort: null,
  access: 'workspace-write',
  command: ['/bin/true'],
  resume: null,
  task: { handle: 't', title: 't' },
  attempt: 1,
  run: 'r',
  mark: 'confined/test/0',
  ...ALONE,
  signal: new AbortController().signal,
  graceMs: 100,
}

it('fails the turn, and starts nothing, when its sandbox does not open', async () => {
  const agent = confinedAgent(commandAgent, { backend: 'host', more: { network: { mode: 'none' } } })
  const events: TurnEvent[] = []
  for await (const event of agent.turn(request)) events.push(event)
  expect(events).toMatchObject([
    {
      type: 'end',
      end: { status: 'failed', error: { code: 'spawn', message: expect.stringContaining('"host"') as string } },
    },
  ])
})

it('is the agent that it confines, but keeps nothing standing between turns', () => {
  const confined = confinedAgent(commandAgent, { backend: 'os', more: {} })
  expect([confined.provider, confined.capabilities, confined.warm]).toEqual([
    commandAgent.provider,
    commandAgent.capabilities,
    undefined,
  ])
  expect(confinedAgent(engineAgent, { backend: 'os', more: {} }).provider).toBe('engine')
  expect(confinedAgent(commandAgent, { backend: 'host', more: {} })).toBe(commandAgent)
})

const os = findBackend('os')
const unavailable = await os.probe()
it.skipIf(unavailable !== null && process.env['CI'] !== 'true')(
  'tells what its sandbox took away, before the end of the turn',
  async () => {
    const cwd = mkdtempSync('/var/tmp/belay-confined-')
    try {
      const script = `git init -q sub && git -C sub config core.fsmonitor ./x; echo '{"type":"result","output":{}}'`
      const agent = confinedAgent(commandAgent, { backend: 'os', more: {} })
      const events: TurnEvent[] = []
      const env = { PATH: process.env['PATH'] ?? '', HOME: cwd }
      for await (const event of agent.turn({ ...request, cwd, env, command: ['/bin/sh', '-c', script] })) {
        events.push(event)
      }
      expect(events.slice(-2)).toMatchObject([
        { type: 'item', item: { text: expect.stringMatching(/took away.*fsmonitor/s) as string } },
        { type: 'end', end: { status: 'completed' } },
      ])
      expect(readFileSync(join(cwd, 'sub', '.git', 'config'), 'utf8')).not.toContain('fsmonitor')
    } finally {
      rmSync(cwd, { recursive: true })
    }
  },
)
