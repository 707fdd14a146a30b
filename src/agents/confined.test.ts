import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, expect, it, vi } from 'vitest'
import { findBackend } from '../sandbox/index.ts'
import { commandAgent } from './command/index.ts'
import { confinedAgent } from './confined.ts'
import { engineAgent } from './engine/index.ts'
import type { Agent, TurnEvent, TurnRequest } from './port.ts'
import { turnRequest } from './testing/request.ts'

const request: TurnRequest = turnRequest({
  cwd: tmpdir(),
  env: {},
  command: ['/bin/true'],
  graceMs: 100,
})

const hostBackend = findBackend('host')
afterEach(() => void vi.restoreAllMocks())

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

it('is interrupted when it is aborted while its sandbox opens, and that fails', async () => {
  const stop = new AbortController()
  vi.spyOn(hostBackend, 'open').mockImplementationOnce(async () => {
    stop.abort()
    throw new Error('the opening was aborted')
  })
  const agent = confinedAgent(commandAgent, { backend: 'host', more: { network: { mode: 'full' } } })
  const events: TurnEvent[] = []
  for await (const event of agent.turn({ ...request, signal: stop.signal })) events.push(event)
  expect(events).toEqual([{ type: 'end', end: { status: 'interrupted' } }])
})

it('fails the turn when its sandbox cannot be closed', async () => {
  const open = hostBackend.open.bind(hostBackend)
  vi.spyOn(hostBackend, 'open').mockImplementationOnce(async (policy, signal) => {
    const opened = await open(policy, signal)
    if ('refusal' in opened) return opened
    const close = (): Promise<void> =>
      opened.sandbox.close().then(() => Promise.reject(new Error('something still runs')))
    return { sandbox: { ...opened.sandbox, close } }
  })
  const agent = confinedAgent(commandAgent, { backend: 'host', more: { network: { mode: 'full' } } })
  const env = { PATH: process.env['PATH'] ?? '' }
  const command = ['/bin/sh', '-c', `echo '{"type":"result","output":{}}'`]
  const events: TurnEvent[] = []
  for await (const event of agent.turn({ ...request, env, command, graceMs: 60_000 })) events.push(event)
  const message = expect.stringContaining('something still runs') as string
  expect(events.filter(({ type }) => type === 'end')).toMatchObject([
    { end: { status: 'failed', error: { code: 'failed', message } } },
  ])
  expect(events.at(-1)?.type).toBe('end')
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
const skip = unavailable !== null && process.env['CI'] !== 'true'

it.skipIf(skip)('may do everything inside, and reads what it is given besides, nothing else', async () => {
  const cwd = mkdtempSync('/var/tmp/belay-confined-')
  const [given, hidden] = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'belay-confined-'))) as [string, string]
  for (const folder of [given, hidden]) writeFileSync(join(folder, 'file'), 'seen')
  const said: { access: string; standing: boolean; out: string }[] = []
  const agent: Agent = {
    ...commandAgent,
    async *turn({ access, standing, spawn, mark, cwd: place, env }) {
      const argv = ['/bin/sh', '-c', `cat ${given}/file ${hidden}/file 2>/dev/null; echo x >${given}/new || echo no`]
      const kept = await spawn?.({ argv, cwd: place, env, mark, stdin: 'none' })
      kept?.stderr.resume()
      said.push({ access, standing, out: kept ? await text(kept.stdout) : 'not spawned' })
      yield { type: 'end', end: { status: 'interrupted' } }
    },
  }
  try {
    const confined = confinedAgent(agent, { backend: 'os', more: { read: [given] } })
    for await (const _ of confined.turn({ ...request, cwd, standing: true, env: { PATH: '/usr/bin:/bin' } }));
    expect(said).toEqual([{ access: 'full', standing: false, out: 'seenno\n' }])
    // Nothing confines the agent here, so its own limits have to.
    const host = confinedAgent(agent, { backend: 'host', more: { network: { mode: 'full' } } })
    for await (const _ of host.turn({ ...request, cwd }));
    expect(said[1]?.access).toBe('workspace-write')
  } finally {
    for (const folder of [cwd, given, hidden]) rmSync(folder, { recursive: true })
  }
})

it.skipIf(skip)('tells what its sandbox took away, before the end of the turn', async () => {
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
      { type: 'item', item: { text: expect.stringMatching(/removed.*fsmonitor/s) as string } },
      { type: 'end', end: { status: 'completed' } },
    ])
    expect(readFileSync(join(cwd, 'sub', '.git', 'config'), 'utf8')).not.toContain('fsmonitor')
  } finally {
    rmSync(cwd, { recursive: true })
  }
})
