import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findMarked, spawnKept } from '../../process/index.ts'
import { closedAfter } from '../../sandbox/closing.ts'
import { play } from '../testing/play.ts'
import type { Agent, TurnEvent, TurnRequest } from '../port.ts'
import { failed, rawEvent, runDialogue, type Dialogue } from './index.ts'
import { turnRequest } from '../testing/request.ts'

const LIMIT = 1 << 20

function request(more: Partial<TurnRequest> = {}): TurnRequest {
  return turnRequest({
    cwd: '/tmp',
    env: { PATH: process.env.PATH ?? '' },
    access: 'full',
    graceMs: 60_000,
    ...more,
  })
}

/** Plays a shell script, which has answered once it prints `answer`. */
function playScript(
  script: string,
  more: Partial<TurnRequest> = {},
  dialogue: Partial<Dialogue> = {},
  onReady: () => void = () => {},
) {
  let answered = false
  const turn = (asked: TurnRequest) =>
    runDialogue(
      asked,
      {
        argv: ['sh', '-c', script],
        env: asked.env,
        stdin: 'open',
        *read(line) {
          answered ||= line.text === 'answer'
          yield rawEvent(line)
        },
        answered: () => answered,
        finish: ({ exit, lingered, stderrTail }) =>
          answered
            ? { status: 'completed', output: null, text: lingered ? 'lingered' : 'ended' }
            : failed('protocol', `exit ${exit.code}`, { stderrTail }),
        ...dialogue,
      },
      LIMIT,
    )
  return play({ turn } as unknown as Agent, request(more), (event) => {
    if (event.type === 'raw' && event.frame === 'ready') onReady()
  })
}

describe('runDialogue', () => {
  it('ends stdin when the answer is in', async () => {
    expect((await playScript('echo answer; cat; echo after')).end).toMatchObject({ status: 'completed', text: 'ended' })
  })

  it('kills what stays after its answer', async () => {
    expect((await playScript('echo answer; sleep 1000', { graceMs: 300 })).end).toMatchObject({ text: 'lingered' })
  })

  it.each([
    ['lines', 'yes'],
    ['one endless line', "yes | tr -d '\\n'"],
    ['stderr', 'yes >&2'],
  ])('stops a flood of %s', async (_, script) => {
    const { end } = await playScript(script)
    expect(end).toMatchObject({
      status: 'failed',
      error: { code: 'failed', message: expect.stringMatching(/^output_limit: /) as string },
    })
  })

  it('makes a failed turn of a bug in the reading of frames', async () => {
    const read = (): never => {
      throw new Error('cannot read this')
    }
    const { end } = await playScript('echo x; sleep 1000', {}, { read })
    expect(end).toMatchObject({
      error: { code: 'protocol', message: expect.stringContaining('cannot read this') as string },
    })
  })

  it('lets an interrupted program write down what was said before it goes', async () => {
    const stop = new AbortController()
    let send: (frame: unknown) => void = () => {}
    let looks = 0
    const dialogue: Partial<Dialogue> = {
      begin: (sends) => (send = sends),
      interrupt: () => send('stop'),
      settled: () => ++looks >= 3,
    }
    const agent = playScript(
      'echo ready; read -r _; echo answer; cat; echo left',
      { signal: stop.signal, graceMs: 60_000 },
      dialogue,
      () => stop.abort(),
    )
    const { end, events } = await agent
    expect(end).toEqual({ status: 'interrupted' })
    expect(events).toContainEqual({ type: 'raw', frame: 'left' })
    expect(looks).toBe(3)
  })

  it('ends a program that was still being started when it was aborted', async () => {
    const stop = new AbortController()
    const spawn: TurnRequest['spawn'] = async (spec) => {
      const kept = spawnKept(spec)
      stop.abort()
      return kept
    }
    const { end } = await playScript('sleep 1000', { spawn, signal: stop.signal })
    expect(end).toEqual({ status: 'interrupted' })
  })

  it('tells of what went wrong after the program, however late it is read', async () => {
    const stop = new AbortController()
    let gone: Promise<unknown> = Promise.resolve()
    const spawn: TurnRequest['spawn'] = async (spec) => {
      const kept = spawnKept(spec)
      gone = kept.closed
      return closedAfter(kept, () => Promise.reject(new Error('no space left')))
    }
    const asked = request({ spawn, signal: stop.signal })
    const dialogue: Dialogue = {
      argv: ['sh', '-c', 'echo ready; echo more'],
      env: asked.env,
      stdin: 'open',
      *read(line) {
        yield rawEvent(line)
      },
      answered: () => false,
      finish: () => failed('protocol', 'nothing was told'),
    }
    const ends: unknown[] = []
    for await (const event of runDialogue(asked, dialogue)) {
      if (event.type === 'end') ends.push(event.end)
      if (event.type !== 'raw') continue
      await gone
      // Nobody awaits the failure yet: without a listener it would end the process here.
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(ends).toMatchObject([
      { error: { code: 'protocol', message: expect.stringContaining('no space left') as string } },
    ])
  })

  it.each(['a posted event', 'a line'])('ends the program when its consumer stops at %s', async (at) => {
    const asked = request()
    let told: (event: TurnEvent) => void = () => {}
    const dialogue: Dialogue = {
      argv: ['sh', '-c', 'echo line; sleep 1000'],
      env: asked.env,
      stdin: 'open',
      begin: (_, post) => (told = post),
      *read(line) {
        yield rawEvent(line)
      },
      answered: () => false,
      finish: () => failed('protocol', 'nobody stopped'),
    }
    const seen: string[] = []
    for await (const event of runDialogue(asked, dialogue)) {
      seen.push(event.type)
      if (event.type === 'raw' && at === 'a line') break
      // Posted while the next line is awaited, which does not come.
      if (event.type === 'raw') setImmediate(() => told({ type: 'session', native: null, model: null, version: null }))
      if (event.type === 'session') break
    }
    expect(seen.at(-1)).toBe(at === 'a line' ? 'raw' : 'session')
    expect(findMarked(asked.mark)).toEqual([])
  })

  it('keeps the end of stderr', async () => {
    const { end } = await playScript('seq 1 20000 >&2; exit 4')
    if (end.status !== 'failed') throw new Error(end.status)
    expect(end.error.message).toBe('exit 4')
    expect(end.error.stderrTail).toMatch(/\n20000$/)
    expect(end.error.stderrTail.length).toBeLessThanOrEqual(16 << 10)
  })

  it('fails when the workspace is not there', async () => {
    expect((await playScript('echo answer', { cwd: '/nonexistent' })).end).toMatchObject({ error: { code: 'spawn' } })
  })

  it('fails when the workspace cannot be looked at', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'belay-dialogue-'))
    const cwd = join(folder, 'loop') // permissions would not stop root
    symlinkSync('loop', cwd)
    try {
      const message = expect.stringContaining('ELOOP') as string
      expect((await playScript('echo answer', { cwd })).end).toMatchObject({ error: { code: 'spawn', message } })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
