import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { exportSession, importSession, SessionStore } from './index.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'belay-shape-'))
})
afterEach(() => rmSync(home, { recursive: true }))

const TIME = '2026-01-01T00:00:00.000Z'
const HEADER = { type: 'session', schema: 1, id: 'x', created_at: TIME }
const TURN = { time: TIME, type: 'turn', turn: 1, prompt: 'p', agent: { provider: 'codex', model: null }, cwd: '/w' }
const ENDED = {
  time: TIME,
  type: 'turn_ended',
  turn: 1,
  status: 'done',
  finishReason: 'agent_done',
  text: 't',
  output: null,
  error: null,
  steps: 1,
  usage: { inputTokens: 0, outputTokens: 0, costUsd: null },
  files: [],
  commits: [],
}

function file(...lines: readonly unknown[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

it.each([
  ['a turn without an agent', { ...TURN, agent: null }],
  ['a turn of an agent without a name', { ...TURN, agent: {} }],
  ['a prompt that is no text', { ...TURN, prompt: 5 }],
  ['a turn that has no number', { ...TURN, turn: '1' }],
  ['no time', { ...TURN, time: undefined }],
  ['a time that is none', { ...TURN, time: 'soon' }],
  ['an end without text', { ...ENDED, text: undefined }],
  ['an end whose files are no names', { ...ENDED, files: [1] }],
  ['an item that is nothing', { time: TIME, type: 'item', turn: 1, item: null }],
  ['a conversation whose name is no text', { time: TIME, type: 'native', provider: 'claude', native: {}, cwd: '/' }],
  ['a list', []],
  ['a type that is no text', { time: TIME, type: 1 }],
])('a file with %s is refused, with its line, and leaves nothing', async (_, line) => {
  const store = new SessionStore(home)
  for (const text of [file(HEADER, line, ENDED), file(HEADER, line)]) {
    await expect(importSession(store, text, null)).rejects.toMatchObject({
      code: 'session_damaged',
      message: 'line 2 of the exported session is not a session entry',
    })
  }
  expect(await store.list()).toEqual([])
})

it('lines of a type that is not known are kept and passed over; whose folder it was is not taken from a file', async () => {
  const store = new SessionStore(home)
  const text = file({ ...HEADER, meta: { cwd: '/etc' } }, { time: TIME, type: 'later', x: [1] }, TURN, ENDED)
  const meta = await importSession(store, text, null)
  expect([meta.turns, meta.cwd]).toEqual([1, null])
  const again = await exportSession(store, 'x')
  expect(again.slice(again.indexOf('\n'))).toBe(text.slice(text.indexOf('\n')))
})
