import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pathWithClis, skipWithout } from '../../test/support/agent-clis.ts'
import { findWith } from '../process/index.ts'
import { isOlder, sayOf } from './probe.ts'
import { findAgent } from './registry.ts'

const CLIS = fileURLToPath(new URL('../../test/agent-clis/package.json', import.meta.url))
const DOCS = fileURLToPath(new URL('../../docs/agents.md', import.meta.url))

/** Agents, their programs, and the packages that contain these. */
const PINNED = [
  ['claude', 'claude', '@anthropic-ai/claude-code'],
  ['codex', 'codex', '@openai/codex'],
  ['opencode', 'opencode', 'opencode-ai'],
  ['pi', 'pi', '@earendil-works/pi-coding-agent'],
  ['gemini', 'gemini', '@google/gemini-cli'],
  ['claude-acp', 'claude-agent-acp', '@agentclientprotocol/claude-agent-acp'],
  ['codex-acp', 'codex-acp', '@zed-industries/codex-acp'],
  ['opencode-acp', 'opencode', 'opencode-ai'],
] as const

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'belay-probe-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function program(name: string, script: string): string {
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}

describe('sayOf', () => {
  const env = { PATH: process.env['PATH'] ?? '' }

  it('has all that a program says', async () => {
    const file = program('says', 'echo one; echo two')
    expect(await sayOf([file], env)).toEqual({ stdout: 'one\ntwo\n', problem: null })
  })

  it.each([
    ['what it said', 'echo; echo "it is broken" >&2; exit 3', 'it is broken (exit status 3)'],
    ['how it ended', 'exit 4', 'exit status 4'],
  ])('tells of a failure %s', async (_, script, problem) => {
    expect(await sayOf([program('fails', script)], env)).toMatchObject({ problem })
  })

  it('ends a program that hangs, and what it started', async () => {
    const hanging = `hanging-${Math.random()}`
    const file = program('hangs', 'echo 1.2.3; sleep 1000 & wait')
    const said = await sayOf([file], { ...env, BELAY_PROBE_TEST: hanging }, 200)
    expect(said.problem).toBe('it did not answer within 0.2 s')
    expect(findWith('BELAY_PROBE_TEST', (value) => value === hanging)).toEqual([])
  })

  it('ends a daemon that a program leaves', async () => {
    const leaving = `leaving-${Math.random()}`
    const file = program('leaves', 'setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo 1.2.3')
    expect((await sayOf([file], { ...env, BELAY_PROBE_TEST: leaving })).problem).toBeNull()
    expect(findWith('BELAY_PROBE_TEST', (value) => value === leaving)).toEqual([])
  })

  it('says that a program cannot be started', async () => {
    expect((await sayOf(['/nonexistent/program'], env)).problem).not.toBeNull()
  })
})

describe('the version that Belay is tested with', () => {
  const { dependencies } = JSON.parse(readFileSync(CLIS, 'utf8')) as { dependencies: Record<string, string> }

  it.each(PINNED)(
    '%s: is the one that is pinned, and no older one goes unnoticed',
    async (name, binary, dependency) => {
      const pinned = dependencies[dependency] ?? ''
      const env = {
        PATH: `${folder}:/usr/bin:/bin`,
        HOME: folder,
        IS_SANDBOX: '1',
        ANTHROPIC_API_KEY: 'k',
        OPENAI_API_KEY: 'k',
        GEMINI_API_KEY: 'k',
      }
      program(binary, `echo ${pinned}`)
      expect(await findAgent(name).probe(env, null)).toMatchObject({ installed: true, version: pinned, hint: null })
      program(binary, 'echo 0.0.1')
      const hint = expect.stringContaining(`older than what Belay is tested with (${pinned})`) as string
      expect(await findAgent(name).probe(env, null)).toMatchObject({ installed: true, version: '0.0.1', hint })
      expect(readFileSync(DOCS, 'utf8')).toMatch(
        new RegExp(`^\\| \`${name}\` .*\\| ${pinned.replaceAll('.', '[.]')} \\|$`, 'm'),
      )
    },
  )
})

describe('a program of which there are versions that tell none', () => {
  const env = (): Record<string, string> => ({ PATH: `${folder}:/usr/bin:/bin`, HOME: folder, OPENAI_API_KEY: 'k' })

  it('is there when it answers --help', async () => {
    const file = program('codex-acp', 'test "$1" = --help || exit 2')
    const found = { installed: true, path: file, version: null, loggedIn: true, hint: null }
    expect(await findAgent('codex-acp').probe(env(), null)).toEqual(found)
  })

  it('does not run when it answers neither', async () => {
    program('codex-acp', 'exit 2')
    expect(await findAgent('codex-acp').probe(env(), null)).toMatchObject({ installed: false })
  })

  it.skipIf(skipWithout('probing codex-acp', ['codex-acp']))('is there when it is the real one', async () => {
    const probe = await findAgent('codex-acp').probe({ ...env(), PATH: pathWithClis() }, null)
    expect(probe).toMatchObject({ installed: true, hint: null })
  })
})

it.each([
  ['1.2.3', '1.2.3', false],
  ['1.2.3', '1.2.4', true],
  ['1.10.0', '1.9.9', false],
  ['2.0.0', '1.9.9', false],
  ['0.9.9-beta.2', '1.0.0', true],
  ['1.2.3-beta', '1.2.3', false],
])('%s is older than %s: %s', (version, than, older) => {
  expect(isOlder(version, than)).toBe(older)
})
