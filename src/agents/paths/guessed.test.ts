import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { geminiAgent, opencodeAcpAgent } from '../acp/index.ts'
import { claudeAgent } from '../claude/index.ts'
import { codexAgent } from '../codex/index.ts'
import { guessedPaths } from './guessed.ts'
import { piAgent } from '../pi/index.ts'
import type { Agent } from '../port.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'belay-named-'))
})
afterEach(() => rmSync(home, { recursive: true }))

it.each([
  [['gemini', '--experimental-acp'], geminiAgent],
  [['npx', '-y', '@google/gemini-cli@latest', '--acp'], geminiAgent],
  [['opencode', 'acp'], opencodeAcpAgent],
  [['/opt/tools/opencode', 'acp'], opencodeAcpAgent],
  [['env', 'DEBUG=1', 'claude-code-acp'], claudeAgent],
  [['/bin/sh', '-c', 'exec codex-acp --verbose'], codexAgent],
  [['bunx', 'pi-acp'], piAgent],
] as const satisfies readonly (readonly [readonly string[], Agent])[])(
  '%j has the folders of the agent that it is',
  (command, { ownPaths }) => {
    const env = { HOME: home }
    const { settings, kept, renewed } = guessedPaths(env, command)
    const { settings: s, kept: k, renewed: r } = ownPaths?.(env, null) ?? { settings: [], kept: [], renewed: [] }
    expect({ settings, kept, renewed }).toEqual({ settings: s, kept: k, renewed: r })
    expect(settings.length).toBeGreaterThan(0)
  },
)

it('any other program has the folders that bear its name, but no login of an agent', () => {
  for (const folder of ['.config/my-agent', '.local/state/my-agent', '.claude'])
    mkdirSync(join(home, folder), { recursive: true })
  writeFileSync(join(home, '.claude.json'), '{}')
  expect(guessedPaths({ HOME: home }, ['my-agent', '--acp', join(home, '.claude.json')])).toEqual({
    settings: [join(home, '.config/my-agent')],
    kept: [join(home, '.local/state/my-agent')],
    renewed: [],
    read: [],
  })
  expect(guessedPaths({ HOME: home }, null)).toEqual({ settings: [], kept: [], renewed: [], read: [] })
})
