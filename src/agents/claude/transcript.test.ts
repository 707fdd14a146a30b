import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { watchInterruption } from './transcript.ts'

const NOTE = '{"type":"user","message":{"content":[{"type":"text","text":"[Request interrupted by user]"}]}}\n'

let home = ''
let folder = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'belay-transcript-'))
  folder = join(home, '.claude', 'projects', '-work-here')
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

it('sees that an interruption was written, also into a conversation that had no file yet', () => {
  const written = watchInterruption('s-1', { HOME: home })
  expect(written()).toBe(false)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 's-1.jsonl'), '{"type":"user"}\n')
  writeFileSync(join(folder, 's-2.jsonl'), NOTE)
  expect(written()).toBe(false)
  appendFileSync(join(folder, 's-1.jsonl'), NOTE)
  expect(written()).toBe(true)
})

it('takes no earlier interruption for this one', () => {
  const config = join(home, 'elsewhere')
  const file = join(config, 'projects', 'p', 's-1.jsonl')
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, NOTE)
  const written = watchInterruption('s-1', { HOME: home, CLAUDE_CONFIG_DIR: config })
  expect(written()).toBe(false)
  appendFileSync(file, `{"type":"user"}\n${NOTE}`)
  expect(written()).toBe(true)
})

it('looks for nothing by a name that is no id', () => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(home, '.claude', 'outside.jsonl'), NOTE)
  expect(watchInterruption('../../outside', { HOME: home })()).toBe(false)
})
