/** Servers that are kept between turns, with the real Codex and a scripted model. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startModelServer, type ModelServer, type Step } from '../../../test/support/model-server/index.ts'
import { MARK, findWith, killQuietly, startTimeOf } from '../../process/index.ts'
import type { TurnEvent, TurnRequest } from '../port.ts'
import { closeStanding } from '../standing.ts'
import { codexAgent } from './agent.ts'
import { codexHome, codexPath, codexUnavailable, type CodexHome } from './testing/harness.ts'
import { turnRequest } from '../testing/request.ts'

const skipped = codexUnavailable !== null && process.env['CI'] !== 'true'

describe.skipIf(skipped)('a standing codex', () => {
  let folder = ''
  let model: ModelServer | null = null
  let home: CodexHome | null = null
  let run = ''
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-standing-')))
    run = `run-${Math.random().toString(36).slice(2)}`
    execFileSync('git', ['init', '-q', join(folder, 'workspace')])
  })
  afterEach(async () => {
    await closeStanding()
    expect(living()).toEqual([])
    await model?.close({ unasked: 'allow' })
    home?.remove()
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  })

  const living = (): number[] => findWith(MARK, (mark) => mark.startsWith(`${run}/`))

  async function stage(steps: readonly Step[]): Promise<TurnRequest> {
    model = await startModelServer({ steps })
    home = codexHome(model.url)
    return turnRequest({ cwd: join(folder, 'workspace'), env: home.env, run, standing: true, access: 'full' })
  }

  async function take(request: TurnRequest): Promise<{ readonly pid: number; readonly text: string; native: string }> {
    const events: TurnEvent[] = []
    for await (const event of codexAgent.turn({ ...request, command: [codexPath ?? 'codex'] })) events.push(event)
    const end = events.at(-1)
    if (end?.type !== 'end' || end.end.status !== 'completed') throw new Error(JSON.stringify(end))
    const started = events.findLast((event) => event.type === 'process')
    const session = events.find((event) => event.type === 'session')
    return { pid: started?.identity.pid ?? 0, text: end.end.text, native: session?.native ?? '' }
  }

  const say = (text: string): Step => ({ reply: { say: text } })
  const shell = (cmd: string): Step => ({ reply: { calls: [{ name: 'exec_command', input: { cmd } }] } })

  it('serves the next turn of the run, and ends when it is told to', async () => {
    const request = await stage([say('one'), say('two')])
    const first = await take(request)
    expect(living()).toContain(first.pid)
    const second = await take(request)
    expect([first.text, second.text]).toEqual(['one', 'two'])
    expect(second.pid).toBe(first.pid)
    expect(second.native).not.toBe(first.native)
  })

  it('is warm before the first turn', async () => {
    const request = await stage([say('one')])
    codexAgent.warm?.({ env: request.env, cwd: request.cwd, command: [codexPath ?? 'codex'], run })
    await take(request)
    expect(living().length).toBeGreaterThan(0)
  })

  it('goes on with a conversation, also in another server', async () => {
    const request = await stage([
      say('one'),
      { reply: ({ text }) => ({ say: text.includes('do it') ? 'remembered' : 'lost' }), every: true },
    ])
    const first = await take(request)
    const second = await take({ ...request, resume: first.native, prompt: 'go on' })
    expect(second).toEqual({ ...first, text: 'remembered' })
    const third = await take({ ...request, env: { ...request.env, OTHER: '1' }, resume: first.native, prompt: 'go on' })
    expect(third).toMatchObject({ text: 'remembered', native: first.native })
    expect(third.pid).not.toBe(first.pid)
  })

  it('goes on with a copy of a conversation whose server has another turn', async () => {
    const request = await stage([
      say('one'),
      {
        reply: ({ text }) =>
          text.includes('wait for me') ? { hang: true } : { say: text.includes('do it') ? 'remembered' : 'lost' },
        every: true,
      },
    ])
    const first = await take(request)
    const stop = new AbortController()
    const other = codexAgent.turn({
      ...request,
      prompt: 'wait for me',
      command: [codexPath ?? 'codex'],
      signal: stop.signal,
    })
    for await (const event of other) {
      if (event.type !== 'session') continue
      const second = await take({ ...request, resume: first.native, prompt: 'go on' })
      expect(second.text).toBe('remembered')
      expect(second.native).not.toBe(first.native)
      stop.abort()
    }
  })

  it('is of one environment, but for what is of a turn: that reaches its commands', async () => {
    const request = await stage([say('one'), shell('echo "$GIT_COMMITTER_EMAIL" > mail.txt'), say('two'), say('three')])
    const first = await take(request)
    const second = await take({ ...request, env: { ...request.env, GIT_COMMITTER_EMAIL: 'turn@belay.invalid' } })
    expect(second.pid).toBe(first.pid)
    expect(execFileSync('cat', [join(request.cwd, 'mail.txt')], { encoding: 'utf8' })).toBe('turn@belay.invalid\n')
    const third = await take({ ...request, env: { ...request.env, OTHER: '1' } })
    expect(third.pid).not.toBe(first.pid)
  })

  it('keeps nothing that a turn left running', async () => {
    const request = await stage([
      shell('setsid sleep 1000 >/dev/null 2>&1 & echo $! > pid.txt'),
      say('one'),
      say('two'),
    ])
    const first = await take(request)
    const pid = Number(execFileSync('cat', [join(request.cwd, 'pid.txt')], { encoding: 'utf8' }))
    expect(startTimeOf(pid)).toBeNull()
    expect((await take(request)).pid).toBe(first.pid)
  })

  it('is replaced when it has died', async () => {
    const request = await stage([say('one'), say('two')])
    const first = await take(request)
    living().forEach(killQuietly)
    await expect.poll(living).toEqual([])
    const second = await take(request)
    expect(second.text).toBe('two')
    expect(second.pid).not.toBe(first.pid)
  })
})
