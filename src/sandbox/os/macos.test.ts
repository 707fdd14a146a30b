import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { wrapCommandWithSandboxMacOS } from '@anthropic-ai/sandbox-runtime/dist/sandbox/macos-sandbox-utils.js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { policyOf } from '../request.ts'
import { gitGuards } from '../repositories/guards.ts'
import { openMacOS, seatbelt } from './macos.ts'

/** Seatbelt cannot run here, so its profile is tested. */
let workspace = ''
beforeAll(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), 'belay-seatbelt-')))
  mkdirSync(join(workspace, '.git', 'hooks'), { recursive: true })
  for (const name of ['objects', 'refs']) mkdirSync(join(workspace, '.git', name))
  for (const name of ['HEAD', 'config']) writeFileSync(join(workspace, '.git', name), '')
})
afterAll(() => rmSync(workspace, { recursive: true, force: true }))

const spec = { argv: ['/bin/echo', `it's`], cwd: '/', env: { PATH: '/bin' }, stdin: 'none', mark: '' } as const

function profile(more: Parameters<typeof policyOf>[1] | object = {}): string {
  const policy = policyOf('os', { access: 'workspace-write', workspace, ...more })
  return seatbelt(spec, policy, '/private/tmp/t', [gitGuards(workspace)], wrapCommandWithSandboxMacOS)
}

/** The paths in the rule that begins with `begins`. */
function rule(text: string, begins: string): string {
  const at = text.indexOf(`(${begins}\n`)
  return at === -1 ? '' : text.slice(at, text.indexOf('\n(', at + 1))
}

it('lets the workspace and a temporary folder be written, not what makes git run programs', () => {
  const text = profile()
  expect(text).toContain('/usr/bin/sandbox-exec')
  expect(text).toContain('export TMPDIR; exec')
  expect(rule(text, 'allow file-write*')).toContain(`(subpath "${workspace}")`)
  expect(rule(text, 'allow file-write*')).toContain('(subpath "/private/tmp/t")')
  for (const kept of ['hooks', 'config', 'commondir', 'modules']) {
    expect(rule(text, 'deny file-write*')).toContain(`(subpath "${workspace}/.git/${kept}")`)
  }
})

it('hides secrets, gives no network unless asked, and writes nothing when read-only', () => {
  const text = profile()
  expect(rule(text, 'deny file-read*')).toContain(`(subpath "${join(homedir(), '.ssh')}")`)
  expect(text).not.toContain('(allow network*)')
  expect(profile({ network: { mode: 'full' } })).toContain('(allow network*)')
  expect(rule(profile({ access: 'read-only' }), 'allow file-write*')).not.toContain(workspace)
})

it('refuses limits and a list of hosts', async () => {
  const limits = policyOf('os', {
    access: 'full',
    workspace,
    resources: { cpus: 1, memoryBytes: null, pids: null, diskBytes: null },
  })
  expect(await openMacOS(limits)).toMatchObject({ refusal: { code: 'sandbox_unenforceable' } })
  const hosts = policyOf('os', { access: 'full', workspace, network: { mode: 'hosts', hosts: ['a.example'] } })
  expect(await openMacOS(hosts)).toMatchObject({ refusal: { code: 'sandbox_unenforceable' } })
})
