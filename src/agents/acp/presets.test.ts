import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { codexPreset, geminiPreset } from './presets.ts'

const HOME = mkdtempSync(join(tmpdir(), 'belay-presets-'))
afterAll(() => rmSync(HOME, { recursive: true, force: true }))

it.each([
  [{}, false],
  [{ GEMINI_API_KEY: 'k' }, true],
  [{ GEMINI_API_KEY: '', GOOGLE_API_KEY: 'k' }, true],
  [{ GEMINI_API_KEY: '', GOOGLE_API_KEY: '', GOOGLE_GENAI_USE_VERTEXAI: 'true' }, true],
  [{ GEMINI_API_KEY: '', GOOGLE_API_KEY: '', GOOGLE_GENAI_USE_VERTEXAI: '' }, false],
])('gemini with %j: is there a login? %s', (env, expected) => {
  expect(geminiPreset.loggedIn?.({ HOME, ...env })).toBe(expected)
})

it('codex: an empty CODEX_HOME is none', () => {
  expect(codexPreset.loggedIn?.({ HOME, CODEX_HOME: '' })).toBe(false)
  mkdirSync(join(HOME, '.codex'))
  writeFileSync(join(HOME, '.codex', 'auth.json'), '{}')
  expect(codexPreset.loggedIn?.({ HOME, CODEX_HOME: '' })).toBe(true)
})
