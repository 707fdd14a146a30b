/** Cases that the real server cannot be brought into: overload, a sandbox that does not run, unexpected frames. */
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { MARK, findWith } from '../../process/index.ts'
import type { TurnRequest } from '../port.ts'
import { closeStanding } from '../standing.ts'
import { takeTurn } from '../turn.ts'
import { turnRequest } from '../testing/request.ts'
import { codexAgent } from './agent.ts'
import { errorOf, playTurn } from './testing/play.ts'

const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'belay-codex-adapter-')))
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const FAKE = fileURLToPath(new URL('testing/fake-server.ts', import.meta.url))
const THREAD = { thread: { id: 't1' }, model: 'm1' }
const COMPLETED = { threadId: 't1', turn: { id: 'u1', status: 'completed', items: [], error: null } }
const message = (text: string, phase: string | null = null) => ({
  method: 'item/completed',
  params: { threadId: 't1', turnId: 'u1', item: { type: 'agentMessage', id: `m-${text}`, text, phase } },
})

const GOOD = {
  initialize: [{ result: { userAgent: 'belay/9.8.7 (Plan 9)' } }],
  'account/read': [{ result: { account: null, requiresOpenaiAuth: false } }],
  'command/exec': [{ result: { exitCode: 0, stdout: '', stderr: '' } }],
  'thread/start': [{ result: THREAD }],
  'turn/start': [
    { result: { turn: { id: 'u1' } }, before: [message('hello'), { method: 'turn/completed', params: COMPLETED }] },
  ],
}

function request(script: object, more: Partial<TurnRequest> = {}): TurnRequest {
  const command = [process.execPath, FAKE, JSON.stringify({ ...GOOD, ...script })]
  return turnRequest({ cwd, env: { PATH: process.env['PATH'] ?? '' }, command, ...more })
}

it('tells the conversation, the model and the version', async () => {
  const { events, end } = await playTurn(request({}))
  expect(end).toEqual({ status: 'completed', output: null, text: 'hello' })
  expect(events).toContainEqual({ type: 'session', native: 't1', model: 'm1', version: '9.8.7' })
})

it('sends again what an overloaded server did not take', async () => {
  const overloaded = { error: { code: -32001, message: 'overloaded' } }
  const { end } = await playTurn(request({ 'thread/start': [overloaded, overloaded, { result: THREAD }] }))
  expect(end.status).toBe('completed')
})

it('does not begin a paid turn when the sandbox does not run, except with full access', async () => {
  const script = { 'command/exec': [{ result: { exitCode: 1, stdout: '', stderr: 'bwrap: no permission\n' } }] }
  const played = await playTurn(request(script))
  expect(errorOf(played)).toMatchObject({ code: 'spawn', message: expect.stringContaining('bwrap: no permission') })
  expect(played.raw.join('\n')).not.toContain('t1')
  expect((await playTurn(request(script, { access: 'full' }))).end.status).toBe('completed')
})

it('does not begin a turn without a login', async () => {
  const played = await playTurn(request({ 'account/read': [{ result: { account: null, requiresOpenaiAuth: true } }] }))
  expect(errorOf(played)).toMatchObject({ code: 'auth', message: expect.stringContaining('codex login') })
})

it('says why a conversation cannot be taken up', async () => {
  const refusal = { error: { code: -32600, message: 'no rollout found' } }
  const played = await playTurn(request({ 'thread/resume': [refusal] }, { resume: 't0' }))
  expect(errorOf(played)).toMatchObject({ code: 'failed', message: expect.stringContaining('no rollout found') })
})

it('answers requests that it does not know with an error', async () => {
  const before = [{ id: 77, method: 'attestation/generate', params: {} }]
  const { raw } = await playTurn(request({ 'thread/start': [{ result: THREAD, before }] }))
  const answers = raw
    .filter((frame) => frame.includes('test/got'))
    .map((frame) => JSON.parse(frame) as { params: unknown })
  expect(answers.map(({ params }) => params)).toContainEqual(
    expect.objectContaining({ id: 77, error: expect.objectContaining({ code: -32601 }) }),
  )
})

it('keeps frames of another shape, and answers requests that it cannot read', async () => {
  const before = [
    { method: 'item/completed', params: null },
    { id: 78, method: 'item/permissions/requestApproval', params: null },
  ]
  const { raw, items, end } = await playTurn(request({ 'thread/start': [{ result: THREAD, before }] }))
  expect(end.status).toBe('completed')
  expect(items.filter(({ kind }) => kind === 'unknown').map(({ text }) => text)).toContain(JSON.stringify(before[0]))
  expect(raw.some((frame) => frame.includes('test/got') && frame.includes('-32602'))).toBe(true)
})

it('takes the final answer, not what was said around it or by sub-agents', async () => {
  const other = { ...message('of another'), params: { ...message('of another').params, threadId: 't2' } }
  const said = [message('I begin', 'commentary'), message('the answer', 'final_answer'), message('by the way'), other]
  const before = [...said, { method: 'turn/completed', params: COMPLETED }]
  const { end } = await playTurn(request({ 'turn/start': [{ result: { turn: { id: 'u1' } }, before }] }))
  expect(end).toMatchObject({ text: 'the answer' })
})

it('fails when a turn ends without a word', async () => {
  const before = [{ method: 'turn/completed', params: COMPLETED }]
  const played = await playTurn(request({ 'turn/start': [{ result: { turn: { id: 'u1' } }, before }] }))
  expect(errorOf(played)).toMatchObject({ code: 'protocol', message: expect.stringContaining('without an answer') })
})

it('marks what was still running when the server died as failed', async () => {
  const item = {
    type: 'commandExecution',
    id: 'c1',
    command: 'sleep',
    cwd: '/',
    status: 'inProgress',
    aggregatedOutput: null,
    exitCode: null,
  }
  const before = [{ method: 'item/started', params: { threadId: 't1', turnId: 'u1', item } }]
  const played = await playTurn(request({ 'turn/start': [{ exit: 9, before }] }))
  expect(errorOf(played).code).toBe('protocol')
  expect(played.items.filter(({ kind }) => kind === 'tool_call').map(({ id, status }) => [id, status])).toEqual([
    ['c1', 'running'],
    ['c1', 'failed'],
  ])
})

it('reads the limits of the account when a quota comes without a time', async () => {
  const error = {
    message: 'used up',
    codexErrorInfo: 'usageLimitExceeded',
    additionalDetails: null,
    misalignment: null,
  }
  const turn = { id: 'u1', status: 'failed', items: [], error }
  const primary = { usedPercent: 100, resetsAt: 1_800_000_000, windowDurationMins: 300 }
  const played = await playTurn(
    request({
      'turn/start': [
        { result: { turn: { id: 'u1' } }, before: [{ method: 'turn/completed', params: { threadId: 't1', turn } }] },
      ],
      'account/rateLimits/read': [{ result: { rateLimits: { primary, secondary: null } } }],
    }),
  )
  expect(errorOf(played)).toMatchObject({ code: 'quota', retryAt: '2027-01-15T08:00:00.000Z' })
})

it('fails when the workspace is gone', async () => {
  expect(errorOf(await playTurn(request({}, { cwd: join(cwd, 'gone') }))).code).toBe('spawn')
})

/** A run of its own, so that its processes can be told from others. */
function ownRun(): { readonly run: string; readonly living: () => number[] } {
  const run = `run-${Math.random().toString(36).slice(2)}`
  return { run, living: () => findWith(MARK, (mark) => mark.startsWith(`${run}/`)) }
}

function warm({ env, command, run }: TurnRequest): void {
  codexAgent.warm?.({ env, cwd, command, run })
}

it('a server that does not keep to the protocol when it is started is ended, also where no turn waits for it', async () => {
  const { run, living } = ownRun()
  const asked = request({ initialize: [{ result: null }] }, { run, standing: true })
  expect(errorOf(await playTurn(asked)).code).toBe('protocol')
  expect(living()).toEqual([])
  const unheard: unknown[] = []
  const hear = (error: unknown): void => void unheard.push(error)
  process.on('unhandledRejection', hear)
  try {
    warm(asked)
    await expect.poll(living, { timeout: 30_000 }).toEqual([]) // it ends by itself: nothing else has been asked to end it
    await closeStanding()
    await new Promise((resolve) => setImmediate(resolve))
    expect(unheard).toEqual([])
  } finally {
    process.off('unhandledRejection', hear)
  }
})

it('a server that never comes up does not hold the turn that waits for it beyond its limits', async () => {
  const { run, living } = ownRun()
  const asked = request({ initialize: [{ silent: true }] }, { run, standing: true })
  warm(asked)
  const limits = { timeoutMs: 500, stallMs: 60_000 }
  const { outcome } = await takeTurn(codexAgent, asked, limits, new AbortController().signal, async () => {})
  expect(outcome.status).toBe('timeout')
  expect(living()).toEqual([])
})

it('a server that never comes up is ended with the others', async () => {
  const { run, living } = ownRun()
  warm(request({ initialize: [{ silent: true }] }, { run, standing: true }))
  await expect.poll(() => living().length, { timeout: 30_000 }).toBeGreaterThan(0)
  await closeStanding()
  expect(living()).toEqual([])
})

it('a server that was started in advance and dies when it is asked something is replaced', async () => {
  const { run, living } = ownRun()
  const dead = join(cwd, 'dead')
  const asked = request({ 'thread/start': [{ exit: 1, once: dead }, { result: THREAD }] }, { run, standing: true })
  warm(asked)
  const { end, events } = await playTurn(asked)
  expect(end).toMatchObject({ status: 'completed', text: 'hello' })
  expect(existsSync(dead)).toBe(true)
  expect(events.filter(({ type }) => type === 'process')).toHaveLength(2)
  await closeStanding()
  expect(living()).toEqual([])
})

it('a server that was started for the turn and dies when it is asked something fails the turn', async () => {
  const script = { 'thread/start': [{ exit: 1, once: join(cwd, 'own') }, { result: THREAD }] }
  expect(errorOf(await playTurn(request(script))).code).toBe('protocol')
})
