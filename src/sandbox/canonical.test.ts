import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { policyOf, type SandboxRequest } from './request.ts'
import { stillCanonical, canonicalPolicy } from './canonical.ts'

let folder = ''
let workspace = ''
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-canonical-')))
  workspace = join(folder, 'w')
  for (const name of ['w/in', 'out/deep']) mkdirSync(join(folder, name), { recursive: true })
  symlinkSync(join(folder, 'out'), join(workspace, 'leads-out'))
  symlinkSync(join(workspace, 'in'), join(workspace, 'leads-in'))
  symlinkSync(join(folder, 'out'), join(folder, 'users-own'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const settle = (more: Partial<SandboxRequest>) =>
  canonicalPolicy(policyOf('os', { access: 'workspace-write', workspace, ...more }))

it.each<[Partial<SandboxRequest>]>([
  [{ write: ['w/leads-out'] }],
  [{ read: ['w/leads-out/deep'] }],
  [{ own: ['w/leads-in'] }],
  [{ access: 'read-only', write: ['w/leads-out/new'] }],
])('refuses what a program could have led elsewhere: %j', (given) => {
  const at = (paths: readonly string[] = []): string[] => paths.map((path) => join(folder, path))
  const { access = 'workspace-write', write, read, own } = given
  expect(settle({ access, write: at(write), read: at(read), own: at(own) })).toMatchObject({
    refusal: { code: 'sandbox_unenforceable', message: expect.stringContaining('by a link') as string },
  })
})

it('takes links elsewhere for what they lead to now, and what is not there yet as it is', () => {
  const write = ['users-own', 'w/new/deep', 'w/in'].map((path) => join(folder, path))
  const done = settle({ write })
  if ('refusal' in done) throw new Error(done.refusal.message)
  expect(done.policy.write).toEqual(['out', 'w/new/deep', 'w/in'].map((path) => join(folder, path)))
  expect(stillCanonical(done.policy.write)).toEqual(done.policy.write)
  symlinkSync(join(folder, 'out'), join(workspace, 'new'))
  expect(stillCanonical(done.policy.write)).toEqual(['out', 'w/in'].map((path) => join(folder, path)))
})
