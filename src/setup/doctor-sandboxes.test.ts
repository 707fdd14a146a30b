import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadConfig } from '../config/index.ts'
import { findBackend } from '../sandbox/index.ts'
import { sandboxFindings } from './doctor-sandboxes.ts'

let root = ''
const before = process.env['DOCKER_HOST']
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'belay-doctor-'))
  process.env['DOCKER_HOST'] = `unix://${root}/no-daemon.sock`
})
afterEach(() => {
  if (before === undefined) delete process.env['DOCKER_HOST']
  else process.env['DOCKER_HOST'] = before
  rmSync(root, { recursive: true, force: true })
})

it('says of every sandbox whether it works here', async () => {
  const findings = await sandboxFindings(null)
  expect(findings.map(({ name }) => name)).toEqual(['sandbox (os)', 'sandbox (docker)', 'sandbox (e2b)'])
  const works = (await findBackend('os').probe()) === null
  expect(findings[0]).toMatchObject(works ? { status: 'ok', message: 'works, not used' } : { status: 'warn' })
  expect(findings[1]).toMatchObject({
    status: 'ok',
    message: expect.stringContaining('no docker daemon answers') as string,
  })
})

it('fails for one that the configuration uses and that does not work', async () => {
  const { config } = await loadConfig({ root, env: {}, userDir: root, set: ['verify.sandbox=docker'] })
  const docker = (await sandboxFindings(config)).find(({ name }) => name === 'sandbox (docker)')
  expect(docker).toMatchObject({ status: 'fail', next: expect.stringContaining('DOCKER_HOST') as string })
})
