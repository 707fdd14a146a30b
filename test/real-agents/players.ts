/** The scripted model's actions, expressed with each real agent's own tools. */
import { join } from 'node:path'
import { expect } from 'vitest'
import { claudeReply } from '../../src/agents/claude/testing/harness.ts'
import { codexReply } from '../../src/agents/codex/testing/harness.ts'
import type { Act } from '../../src/agents/testing/index.ts'
import type { ModelRequest, Reply, Step } from '../support/model-server/index.ts'

export type Provider = 'claude' | 'codex'

/** Checks the first request of a turn before the model answers it. */
export type Check = (request: ModelRequest) => void

/** One turn of an agent: what its model does, request by request; the last one ends the turn. */
export interface Player {
  readonly provider: Provider
  /** Makes a file with the agent's own file tool. */
  write(path: string, content: string): Step[]
  /** Replaces a line of a file with the agent's own editing tool. */
  edit(path: string, from: string, to: string): Step[]
  /** Runs a command with the agent's own shell tool. */
  run(command: string): Step[]
  /** Ends the turn with a structured answer. */
  answer(value: unknown): Step[]
  /** Does anything else; a function is asked when the request is there. */
  act(act: Act | (() => Act)): Step[]
}

/** The folder that Claude Code says it works in: its file tools want absolute paths. */
function claudeFolder(request: ModelRequest): string {
  const folder = /^ ?-? ?(?:Primary working directory|Working directory): (.+)$/m.exec(request.text)?.[1]
  if (folder === undefined) throw new Error(`no working directory in the request: ${request.text.slice(0, 2000)}`)
  return folder.trim()
}

export const claude: Player = {
  provider: 'claude',
  write: (path, content) => claude.act({ write: { path, content } }),
  edit: (path, from, to) => [
    claudeCall('Read', (folder) => ({ file_path: join(folder, path) })),
    claudeCall('Edit', (folder) => ({ file_path: join(folder, path), old_string: from, new_string: to })),
  ],
  run: (command) => claude.act({ run: command }),
  answer: (value) => claude.act({ answer: value }),
  act: (act) => [
    {
      reply: (request) => {
        const now = typeof act === 'function' ? act() : act
        return claudeReply(now, 'write' in now ? claudeFolder(request) : '')
      },
    },
  ],
}

function claudeCall(name: string, input: (folder: string) => Readonly<Record<string, unknown>>): Step {
  return { reply: (request): Reply => ({ calls: [{ name, input: input(claudeFolder(request)) }] }) }
}

export const codex: Player = {
  provider: 'codex',
  write: (path, content) => codex.act({ write: { path, content } }),
  edit: (path, from, to) => {
    const input = ['*** Begin Patch', `*** Update File: ${path}`, '@@', `-${from}`, `+${to}`, '*** End Patch', ''].join(
      '\n',
    )
    return [{ reply: { calls: [{ name: 'apply_patch', input }] } }]
  },
  run: (command) => codex.act({ run: command }),
  answer: (value) => codex.act({ answer: value }),
  act: (act) => [{ reply: () => codexReply(typeof act === 'function' ? act() : act) }],
}

export const PLAYERS: Readonly<Record<Provider, Player>> = { claude, codex }

/** Steps of one turn, the first of which is checked. */
export function turn(check: Check, ...steps: readonly Step[][]): Step[] {
  const [first, ...rest] = steps.flat()
  if (!first) throw new Error('a turn has at least one step')
  return [{ ...first, expect: check }, ...rest]
}

/** Checks that a request goes on with a conversation: its first prompt and what the agent answered to it come before. */
export function goesOn({ messages }: ModelRequest, handle: string): void {
  const prompt = messages.findIndex(({ role, text }) => role === 'user' && text.includes(`# Task ${handle}`))
  const answer = messages.findIndex(({ role, text }) => role === 'assistant' && text.includes(`did ${handle}`))
  expect(prompt, 'the first prompt of the conversation').toBeGreaterThanOrEqual(0)
  expect(answer, 'what the agent said to it').toBeGreaterThan(prompt)
}

/** What Belay said last. */
export function lastPrompt({ messages }: ModelRequest): string {
  return messages.findLast(({ role, text }) => role === 'user' && text.includes('# Task'))?.text ?? ''
}
