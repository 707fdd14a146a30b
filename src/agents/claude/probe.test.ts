import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claudeAgent } from './index.ts'

let home = ''
let env: Record<string, string> = {}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'belay-probe-'))
  env = { PATH: `${home}:/usr/bin:/bin`, HOME: home, IS_SANDBOX: '1' }
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function install(script: string): void {
  writeFileSync(join(home, 'claude'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(home, 'claude'), 0o755)
}

describe('probe', () => {
  it('finds the program, its version and a key', async () => {
    install('[ "$1" = --version ] && echo "2.1.329 (Claude Code)"')
    const probe = await claudeAgent.probe({ ...env, ANTHROPIC_API_KEY: 'k' }, null)
    expect(probe).toEqual({
      installed: true,
      path: join(home, 'claude'),
      version: '2.1.329',
      loggedIn: true,
      hint: null,
    })
  })

  it('knows a login by its file, and by a key helper', async () => {
    install('echo 1.0.0')
    mkdirSync(join(home, '.claude'))
    writeFileSync(join(home, '.claude', 'settings.json'), '{"apiKeyHelper":"/bin/key"}')
    expect((await claudeAgent.probe(env, null)).loggedIn).toBe(true)
    rmSync(join(home, '.claude', 'settings.json'))
    expect((await claudeAgent.probe(env, null)).loggedIn).toBe(process.platform === 'darwin' ? null : false)
    writeFileSync(join(home, '.claude', '.credentials.json'), '{}')
    expect((await claudeAgent.probe(env, null)).loggedIn).toBe(true)
    expect((await claudeAgent.probe({ ...env, CLAUDE_CONFIG_DIR: join(home, 'elsewhere') }, null)).loggedIn).not.toBe(
      true,
    )
  })

  it('says how to mend what is missing', async () => {
    expect(await claudeAgent.probe(env, null)).toMatchObject({
      installed: false,
      hint: expect.stringContaining('npm install') as string,
    })
    install('exit 1')
    const broken = await claudeAgent.probe(env, null)
    expect(broken).toMatchObject({
      installed: false,
      path: join(home, 'claude'),
      version: null,
      hint: expect.stringContaining('--version failed: exit status 1') as string,
    })
    // The user's own program may not know this argument.
    expect(await claudeAgent.probe(env, [join(home, 'claude')])).toMatchObject({ installed: true, version: null })
  })
})
