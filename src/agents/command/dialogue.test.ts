import { describe, expect, it } from 'vitest'
import { completed, errorOf, play } from '../testing/play.ts'
import { ALONE } from '../turn.ts'
import { commandAgent } from './index.ts'

/** Plays a shell script as a `command` agent. */
function playScript(script: string) {
  return play(commandAgent, {
    role: 'reviewer',
    prompt: 'Look at "this"\nclosely.',
    outputSchema: { type: 'object' },
    cwd: '/tmp',
    env: { PATH: process.env.PATH ?? '' },
    model: null,
    effort: null,
    access: 'read-only',
    command: ['/bin/sh', '-c', script],
    resume: null,
    task: { handle: 'T007', title: 'A task' },
    attempt: 3,
    run: 'run-9',
    mark: `command/${Math.random()}`,
    signal: new AbortController().signal,
    graceMs: /; sleep \d+$/.test(script) ? 300 : 60_000, // a script that never ends need not be waited for
    ...ALONE,
  })
}

const RESULT = `echo '{"type":"result","output":{"ok":true}}'`

describe('command agent', () => {
  it('gives the program its task as one JSON object, then end of file', async () => {
    const played = await playScript(`printf '{"type":"result","output":%s}\\n' "$(cat)"`)
    expect(completed(played).output).toEqual({
      role: 'reviewer',
      prompt: 'Look at "this"\nclosely.',
      output_schema: { type: 'object' },
      task: { handle: 'T007', title: 'A task' },
      attempt: 3,
      workspace: '/tmp',
      run: 'run-9',
    })
  })

  it('adds up increments, and knows when nobody said a cost', async () => {
    const frames = [
      '{"type":"usage","input_tokens":5,"output_tokens":2,"cost_usd":0.5}',
      '{"type":"usage","input_tokens":1}',
    ]
    const { usage } = await playScript(`${frames.map((frame) => `echo '${frame}'`).join(';')}; ${RESULT}`)
    expect(usage).toEqual({ inputTokens: 6, outputTokens: 2, costUsd: null })
  })

  it.each(['"text"', '[1]', '7', 'null'])('hands on an answer that is no object: %s', async (output) => {
    const played = await playScript(`echo '{"type":"result","output":${output}}'`)
    expect(completed(played).output).toEqual(JSON.parse(output))
  })

  it.each(['"soon"', '1700000000', '{}'])('is told of a failure whose time is none: %s', async (at) => {
    const played = await playScript(`echo '{"type":"error","code":"quota","message":"used up","retry_at":${at}}'`)
    expect(errorOf(played)).toMatchObject({ code: 'quota', message: 'used up', retryAt: null })
  })

  it('keeps frames with bad values as unknown', async () => {
    const bad = '{"type":"usage","input_tokens":-5}'
    const played = await playScript(`echo '${bad}'; ${RESULT}`)
    completed(played)
    expect(played.items).toMatchObject([{ kind: 'unknown', text: bad }])
    expect(played.usage.inputTokens).toBe(0)
  })

  it('ignores lines after the result, and says how many', async () => {
    const played = await playScript(`${RESULT}; echo '{"type":"result","output":{"ok":false}}'; echo more`)
    expect(completed(played).output).toEqual({ ok: true })
    expect(played.items).toMatchObject([{ kind: 'unknown', text: '2 lines after the result were ignored' }])
  })

  it('fails when the program fails after its result', async () => {
    expect(errorOf(await playScript(`${RESULT}; echo why >&2; exit 9`))).toMatchObject({
      code: 'failed',
      message: expect.stringContaining('exit code 9') as string,
      stderrTail: 'why',
    })
  })

  it('fails without a result', async () => {
    expect(errorOf(await playScript('echo hello')).code).toBe('protocol')
    expect(errorOf(await playScript(`echo '{"type":"result"}'`)).code).toBe('protocol')
  })

  it.each([
    [
      '{"type":"error","code":"quota","message":"full","retry_at":"2026-12-01T10:00:00+01:00"}',
      { code: 'quota', retryAt: '2026-12-01T09:00:00.000Z' },
    ],
    ['{"type":"error","code":"quota","message":"full","retry_at":"soon"}', { code: 'quota', retryAt: null }],
    ['{"type":"error","code":"odd","message":"x"}', { code: 'failed', message: 'x', retryAt: null }],
  ])('ends with %s', async (frame, expected) => {
    expect(errorOf(await playScript(`echo '${frame}'; sleep 1000`))).toMatchObject(expected)
  })

  it('needs a command', async () => {
    expect(await commandAgent.probe({}, null)).toMatchObject({
      installed: false,
      hint: expect.stringContaining('command') as string,
    })
  })
})
