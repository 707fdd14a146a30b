/** Every protocol, spoken by a program that breaks it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { acpAnyAgent } from './acp/index.ts'
import { claudeAgent } from './claude/index.ts'
import { codexAgent } from './codex/index.ts'
import { commandAgent } from './command/index.ts'
import { OpencodeDialogue } from './opencode/dialogue.ts'
import { opencodeAgent } from './opencode/index.ts'
import { freePort } from './opencode/free-port.ts'
import { piAgent } from './pi/index.ts'
import { runDialogue } from './stdio/index.ts'
import type { Scene } from './testing/index.ts'
import { completed, errorOf, play, requestIn, type Played } from './testing/play.ts'

const LINES = fileURLToPath(new URL('testing/bad-agent.ts', import.meta.url))
const SERVER = fileURLToPath(new URL('testing/bad-server.ts', import.meta.url))

const AGENTS = {
  claude: claudeAgent,
  codex: codexAgent,
  acp: acpAnyAgent,
  pi: piAgent,
  command: commandAgent,
  opencode: opencodeAgent,
}

function programOf(protocol: string, fault: string): readonly string[] {
  return protocol === 'opencode' ? [process.execPath, SERVER, fault] : [process.execPath, LINES, protocol, fault]
}

describe.each(Object.entries(AGENTS))('%s, with a program that breaks the protocol', (protocol, agent) => {
  const playFault = (fault: string): Promise<Played> => {
    const scene = { env: { PATH: process.env.PATH ?? '' }, command: programOf(protocol, fault) }
    return play(agent, requestIn(scene as unknown as Scene, '/tmp', { graceMs: 1000 }))
  }
  const messages = ({ items }: Played): string[] =>
    items.filter(({ kind, text }) => kind === 'message' && text !== '').map(({ text }) => text)

  it('fails when the end of the turn is lost', async () => {
    const played = await playFault('lost')
    expect(errorOf(played).code).toBe('protocol')
    expect(messages(played)).toEqual(['hello'])
  })

  it('takes what comes twice as once', async () => {
    const played = await playFault('twice')
    expect(completed(played).text).toBe('hello')
    expect(new Set(messages(played))).toEqual(new Set(['hello']))
  })

  it('has ended when it has ended', async () => {
    const played = await playFault('after')
    expect(completed(played).text).toBe('hello')
  })

  it('stands a line of 100 MB', async () => {
    const played = await playFault('huge')
    expect(completed(played).text).toBe('hello')
    const longest = Math.max(...played.events.map((event) => JSON.stringify(event).length))
    expect(longest).toBeLessThan(256 << 10)
  })
})

it.each(['quits-opening', 'quits-asked'])(
  'opencode: a server that dies while it is asked (%s) ends the turn alone',
  async (fault) => {
    const scene = { env: { PATH: process.env.PATH ?? '' }, command: programOf('opencode', fault) }
    const unheard: unknown[] = []
    const hear = (error: unknown): void => void unheard.push(error)
    process.on('unhandledRejection', hear).on('uncaughtException', hear)
    try {
      const played = await play(opencodeAgent, requestIn(scene as unknown as Scene, '/tmp'))
      expect(errorOf(played)).toMatchObject({
        code: 'protocol',
        message: expect.stringContaining('exit code 1') as string,
      })
      expect(unheard).toEqual([])
    } finally {
      process.off('unhandledRejection', hear).off('uncaughtException', hear)
    }
  },
)

it.each([
  ['acp', 'raw'],
  ['codex', 'raw'],
  ['opencode', 'raw'],
  ...Object.keys(AGENTS).map((protocol) => [protocol, 'process'] as const),
] as const)(
  '%s: is interrupted at once while no conversation is open, at its first event of type %s',
  async (protocol, first) => {
    const stop = new AbortController()
    const scene = { env: { PATH: process.env.PATH ?? '' }, command: programOf(protocol, 'deaf') }
    // No test could wait out this grace.
    const request = requestIn(scene as unknown as Scene, '/tmp', { graceMs: 3_600_000, signal: stop.signal })
    const played = await play(AGENTS[protocol as keyof typeof AGENTS], request, ({ type }) => {
      if (type === first) stop.abort()
    })
    expect(played.end).toEqual({ status: 'interrupted' })
    expect(played.session).toBeNull()
  },
)

it('opencode: takes another port when somebody has taken its own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'belay-port-'))
  try {
    const env = { PATH: process.env.PATH ?? '', BAD_SERVER_ONCE: join(folder, 'once') }
    const scene = { env, command: programOf('opencode', 'taken') }
    const played = await play(opencodeAgent, requestIn(scene as unknown as Scene, '/tmp'))
    expect(completed(played).text).toBe('hello')
    expect(played.events.filter(({ type }) => type === 'process')).toHaveLength(2)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

it('opencode: is ended when it tells more than a turn may', async () => {
  const scene = { env: { PATH: process.env.PATH ?? '' }, command: programOf('opencode', 'huge') }
  const request = requestIn(scene as unknown as Scene, '/tmp', { graceMs: 1000 })
  const port = await freePort()
  const turn = (): ReturnType<typeof opencodeAgent.turn> =>
    runDialogue(request, new OpencodeDialogue(request, port, 'secret', 1 << 20))
  const played = await play({ ...opencodeAgent, turn }, request)
  expect(errorOf(played)).toMatchObject({ code: 'failed', message: expect.stringMatching(/^output_limit: /) as string })
})

it('opencode: fails when the stream of events ends and its server stays', async () => {
  const scene = { env: { PATH: process.env.PATH ?? '' }, command: programOf('opencode', 'closed') }
  const played = await play(opencodeAgent, requestIn(scene as unknown as Scene, '/tmp', { graceMs: 1000 }))
  expect(errorOf(played)).toMatchObject({ code: 'protocol', message: expect.stringContaining('stream') as string })
})

it('opencode: gives up on a retry that is further away than any date', async () => {
  const scene = { env: { PATH: process.env.PATH ?? '' }, command: programOf('opencode', 'absurd') }
  const played = await play(opencodeAgent, requestIn(scene as unknown as Scene, '/tmp', { graceMs: 1000 }))
  expect(errorOf(played)).toMatchObject({ code: 'rate_limit', message: 'Rate limit reached', retryAt: null })
})

it.each(['broken', 'hidden'])(
  'opencode: fails when the stream of events breaks off and its server stays (%s)',
  async (fault) => {
    const scene = { env: { PATH: process.env.PATH ?? '' }, command: programOf('opencode', fault) }
    const played = await play(opencodeAgent, requestIn(scene as unknown as Scene, '/tmp', { graceMs: 1000 }))
    expect(errorOf(played)).toMatchObject({ code: 'protocol', message: expect.stringContaining('broke off') as string })
  },
)
