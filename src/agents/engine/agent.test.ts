import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { startModelServer, type ModelServer, type Step } from '../../../test/support/model-server/index.ts'
import { BelayError } from '../../core/errors.ts'
import type { LoopReport } from '../../engine/index.ts'
import type { Tool } from '../../engine/port.ts'
import { findMarked } from '../../process/index.ts'
import type { TurnEvent, TurnRequest } from '../port.ts'
import { createEngineAgent } from './agent.ts'
import type { EngineDeps } from './deps.ts'
import { testDeps } from './testing/harness.ts'
import { turnRequest } from '../testing/request.ts'

let workspace = ''
let server: ModelServer | undefined
beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), 'belay-engine-agent-')))
})
afterEach(async () => {
  rmSync(workspace, { recursive: true, force: true })
  await server?.close({ unasked: 'allow' })
  server = undefined
})

async function prepare(steps: readonly Step[], more: Partial<TurnRequest> = {}): Promise<TurnRequest> {
  server = await startModelServer({ steps, isSide: () => false })
  return turnRequest({
    prompt: 'Fix the leak.',
    cwd: workspace,
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: workspace,
      ANTHROPIC_BASE_URL: server.url,
      ANTHROPIC_API_KEY: 'scripted',
    },
    model: 'anthropic/claude-sonnet-5',
    graceMs: 200,
    ...more,
  })
}

async function all(deps: EngineDeps, request: TurnRequest): Promise<TurnEvent[]> {
  const events: TurnEvent[] = []
  for await (const event of createEngineAgent(deps).turn(request)) events.push(event)
  return events
}

async function endOf(deps: EngineDeps, request: TurnRequest) {
  const last = (await all(deps, request)).at(-1)
  if (last?.type !== 'end') throw new Error('no end')
  return last.end
}

describe('the engine as an agent', () => {
  it('ends what it started when nobody listens any more', async () => {
    const request = await prepare([{ reply: { calls: [{ name: 'bash', input: { command: 'sleep 1000' } }] } }])
    let seen: number[] = []
    for await (const event of createEngineAgent(testDeps).turn(request)) {
      if (event.type !== 'item' || event.item.kind !== 'tool_call') continue
      while (seen.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        seen = findMarked(request.mark)
      }
      break
    }
    expect(seen).not.toEqual([])
    expect(findMarked(request.mark)).toEqual([])
  })

  it('does not wait for a tool that does not end: its sandbox is closed under it', async () => {
    const abort = new AbortController()
    let closed = 0
    const stubborn: Tool = {
      name: 'stubborn',
      description: 'never ends',
      input: z.looseObject({}),
      effect: 'write',
      title: () => 'stubborn',
      demand: () => Promise.resolve({ decision: 'allow', reason: '' }),
      run: () => {
        abort.abort()
        return new Promise(() => {})
      },
    }
    const deps: EngineDeps = {
      ...testDeps,
      tools: () => Promise.resolve([stubborn]),
      async openSandbox(name, request, signal) {
        const opened = await testDeps.openSandbox(name, request, signal)
        const close = async (): Promise<void> => {
          closed += 1
          await opened.sandbox.close()
        }
        return { ...opened, sandbox: { ...opened.sandbox, close } }
      },
    }
    const request = await prepare([{ reply: { calls: [{ name: 'stubborn', input: {} }] } }], { signal: abort.signal })
    const started = performance.now()
    expect(await endOf(deps, request)).toEqual({ status: 'interrupted' })
    expect(performance.now() - started).toBeLessThan(request.graceMs + 20_000)
    expect(closed).toBeGreaterThan(0)
  })

  it('says what cannot be made ready, before any model call', async () => {
    const spawn = (message: string) => ({
      status: 'failed',
      error: { code: 'spawn', message: expect.stringContaining(message) as string },
    })
    const request = await prepare([])
    expect(await endOf(testDeps, { ...request, command: ['agent'] })).toMatchObject(spawn('remove `command`'))
    expect(await endOf(testDeps, { ...request, model: 'antropic/x' })).toMatchObject(spawn('--model anthropic/x'))
    expect(await endOf(testDeps, { ...request, env: {} })).toMatchObject({ status: 'failed', error: { code: 'auth' } })
    const lost: EngineDeps = {
      ...testDeps,
      openHistory: () => Promise.reject(new BelayError('session_unknown', 'there is no session "x"')),
    }
    expect(await endOf(lost, { ...request, resume: 'x' })).toMatchObject(spawn('there is no session "x"'))
    const locked: EngineDeps = {
      ...testDeps,
      openSandbox: () => Promise.reject(new BelayError('sandbox_unavailable', 'no sandbox here')),
    }
    expect(await endOf(locked, request)).toMatchObject(spawn('no sandbox here'))
    expect(server?.requests).toEqual([])
  })

  it('fails when its history cannot be written, and runs nothing on', async () => {
    const deps: EngineDeps = {
      ...testDeps,
      async openHistory(request) {
        const opened = await testDeps.openHistory(request)
        let left = 2
        const append = (entry: unknown): Promise<void> =>
          (left -= 1) >= 0 ? opened.history.append(entry) : Promise.reject(new Error('no space left on device'))
        return { ...opened, history: { ...opened.history, append } }
      },
    }
    const request = await prepare([{ reply: { calls: [{ name: 'bash', input: { command: 'touch made.txt' } }] } }])
    expect(await endOf(deps, request)).toMatchObject({
      status: 'failed',
      error: { code: 'failed', message: expect.stringContaining('no space left') as string },
    })
  })

  it('takes the definition’s word where the caller has none, and the stricter access of both', async () => {
    mkdirSync(join(workspace, '.belay', 'agents'), { recursive: true })
    writeFileSync(
      join(workspace, '.belay', 'agents', 'looker.md'),
      '---\nmodel: anthropic/claude-opus-4-8\ntools: [read, bash]\nmax_steps: 2\naccess: read-only\n---\nYou only look.\n',
    )
    const reports: LoopReport[] = []
    const sandboxes: unknown[] = []
    const deps: EngineDeps = {
      ...testDeps,
      settings: () => ({ definition: 'looker' }),
      onReport: (report) => reports.push(report),
      openSandbox(name, request, signal) {
        sandboxes.push([name, request.access])
        return testDeps.openSandbox(name, request, signal)
      },
    }
    const request = await prepare(
      [
        { reply: { calls: [{ name: 'write', input: { file_path: 'x', content: 'x' } }] } },
        { reply: { calls: [{ name: 'read', input: { file_path: 'AGENTS.md' } }] } },
      ],
      { model: null },
    )
    expect(await endOf(deps, request)).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('max_steps') as string },
    })
    expect(reports).toMatchObject([{ finish: { reason: 'max_steps' }, steps: 2 }])
    expect(sandboxes).toEqual([['auto', 'read-only']])
    const [first, second] = server?.requests ?? []
    expect(first).toMatchObject({ model: 'claude-opus-4-8' })
    expect(first?.tools.map((name) => name.toLowerCase())).toEqual(['bash', 'read'])
    expect(first?.text).toContain('You only look.')
    expect(first?.text).not.toContain("Belay's coding agent")
    expect(second?.text).toContain('There is no tool "write"')
    await server?.close({ unasked: 'allow' })
    const full = await prepare([{ reply: { say: 'Done.' } }], { access: 'read-only' })
    const loose: EngineDeps = { ...deps, settings: () => ({ maxSteps: 1 }) }
    await endOf(loose, full)
    expect(sandboxes.at(-1)).toEqual(['auto', 'read-only'])
  })
})
