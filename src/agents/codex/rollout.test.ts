import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { since, tokensOf } from './rollout.ts'

let home = ''
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'belay-rollout-'))))
afterEach(() => rmSync(home, { recursive: true, force: true }))

function write(day: string, session: string, ...lines: readonly string[]): void {
  const folder = join(home, 'sessions', day)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `rollout-2026-11-21T20-00-26-${session}.jsonl`), lines.map((line) => `${line}\n`).join(''))
}

function count(input: number, cached: number, output: number): string {
  const usage = {
    input_tokens: input,
    cached_input_tokens: cached,
    output_tokens: output,
    total_tokens: input + output,
  }
  return JSON.stringify({ type: 'event_msg', payload: { type: 'token_count', info: { total_token_usage: usage } } })
}

const env = (): Record<string, string> => ({ CODEX_HOME: home })

it('reads the last count of the conversation', () => {
  write('2026/11/20', 'other', count(9, 9, 9))
  write('2026/11/21', 'a-1', count(100, 40, 10), '{"type":"event_msg","payload":{"type":"agent_message"}}')
  write('2026/11/20', 'a-2', count(100, 40, 10), count(200, 90, 20), 'not a frame')
  expect(tokensOf('a-1', env())).toEqual({ inputTokens: 100, outputTokens: 10, costUsd: null, cacheReadTokens: 40 })
  expect(tokensOf('a-2', env())).toMatchObject({ inputTokens: 200, outputTokens: 20, cacheReadTokens: 90 })
})

it('knows nothing of what was not written', () => {
  expect(tokensOf('a', env())).toBeNull()
  write('2026/11/21', 'a', '{"type":"session_meta"}')
  write('2026/11/21', 'b', '{"type":"event_msg","payload":{"type":"token_count","info":null}}')
  write('2026/11/21', 'c', '{"type":"event_msg","payload":{"type":"token_count"')
  for (const session of ['a', 'b', 'c', '', '../a', 'unknown']) expect(tokensOf(session, env())).toBeNull()
})

it('tells what came on top', () => {
  const usage = (inputTokens: number, outputTokens: number, cacheReadTokens: number) => ({
    inputTokens,
    outputTokens,
    costUsd: null,
    cacheReadTokens,
  })
  expect(since(null, usage(100, 10, 40))).toEqual(usage(100, 10, 40))
  expect(since(usage(100, 10, 40), usage(250, 30, 50))).toEqual(usage(150, 20, 10))
  expect(since(usage(100, 10, 40), usage(50, 5, 0))).toEqual(usage(50, 5, 0))
})
