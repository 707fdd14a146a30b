import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { policyOf } from '../index.ts'
import { containerUser } from './user.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-user-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const mode = (name: string): number => statSync(join(folder, name)).mode & 0o7777

function file(name: string, bits: number): string {
  const path = join(folder, name)
  writeFileSync(path, 'x')
  chmodSync(path, bits)
  return path
}

const asRoot = process.geteuid?.() === 0

it.runIf(asRoot)('takes set-user-id and set-group-id from what programs made, and from nothing else', async () => {
  const mine = file('mine', 0o4755)
  for (const [name, bits] of [
    ['user', 0o4755],
    ['group', 0o2711],
    ['unreadable', 0o6111],
  ] as const) {
    const path = file(name, 0o644)
    chownSync(path, 65534, 0)
    chmodSync(path, bits)
  }
  symlinkSync(mine, join(folder, 'link'))
  const user = containerUser(policyOf('docker', { access: 'workspace-write', workspace: folder }))
  await user.disarm()
  await user.disarm()
  expect([mode('mine'), mode('user'), mode('group'), mode('unreadable')]).toEqual([0o4755, 0o755, 0o711, 0o111])
})

it.runIf(asRoot)('in a folder of a user only from what changed since', async () => {
  chownSync(folder, 1234, 1234)
  const old = file('old', 0o4755)
  utimesSync(old, 1, 1)
  await expect.poll(() => Date.now() - statSync(old).ctimeMs).toBeGreaterThan(300)
  const user = containerUser(policyOf('docker', { access: 'workspace-write', workspace: folder }))
  file('new', 0o4755)
  await user.disarm()
  expect([mode('old'), mode('new'), existsSync(old)]).toEqual([0o4755, 0o755, true])
})

it('looks through folders in which files come and go', async () => {
  const user = containerUser(policyOf('docker', { access: 'workspace-write', workspace: folder }))
  const work = new AbortController()
  const churn = (async () => {
    while (!work.signal.aborted) {
      for (let n = 0; n < 50; n++) file(`f${n}`, 0o644)
      for (let n = 0; n < 50; n++) rmSync(join(folder, `f${n}`))
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  for (let round = 0; round < 5; round++) {
    await user.admit()
    await user.disarm()
  }
  work.abort()
  await churn
})
