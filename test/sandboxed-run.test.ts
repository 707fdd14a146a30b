import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findBackend } from '../src/sandbox/index.ts'
import { startTestDocker } from '../src/sandbox/testing/docker.ts'
import { TEST_IMAGE } from '../src/sandbox/testing/image.ts'
import { cannotRun } from '../src/sandbox/testing/harness.ts'
import { World } from './support/world.ts'

/** Folder of the scripted agent. */
const SUPPORT = fileURLToPath(new URL('support', import.meta.url))

/** A run whose agent, setup and gates are confined, through the built command line. */
const noOs = (await findBackend('os').probe())?.message ?? null

describe('a run in sandboxes', () => {
  let world: World
  beforeEach(() => {
    world = new World()
  })
  afterEach(() => world.dispose())

  /** What everybody tries: to write beside the workspace, into Belay's record, into the repository's hooks; to read a key. */
  function attempts(who: string, outside: string): string {
    return [
      `echo ${who} > ${outside}/${who}`,
      `echo ${who} >> ${world.home}/belay.db`,
      'echo evil > "$(git rev-parse --git-common-dir)/hooks/post-commit"',
      'git config core.fsmonitor evil',
      `cat ${world.env['HOME']}/.ssh/id_test`,
      'true',
    ].join('; ')
  }

  function place(): string {
    const outside = join(world.dir, 'outside')
    mkdirSync(outside)
    mkdirSync(join(world.dir, 'user', '.ssh'))
    writeFileSync(join(world.dir, 'user', '.ssh', 'id_test'), 'PRIVATE KEY')
    return outside
  }

  function expectUntouched(outside: string): void {
    for (const who of ['agent', 'gate', 'setup']) expect(existsSync(join(outside, who))).toBe(false)
    expect(existsSync(join(world.repo, '.git', 'hooks', 'post-commit'))).toBe(false)
    expect(world.git('config', '--default', 'none', '--get', 'core.fsmonitor')).toBe('none')
  }

  const title = 'agent, setup and gate in os cannot leave their workspace, and the task lands'
  if (noOs !== null) cannotRun(title, noOs)
  else {
    it(title, async () => {
      const outside = place()
      world.script({
        implementer: { '*': [{ files: { 'made.txt': 'made\n' }, sh: attempts('agent', outside) }] },
      })
      const gate = `${attempts('gate', outside)}; test -f made.txt || exit 1; test ! -e ${outside}; echo tests`
      const more = `{backend: os, read: [${world.agentDir}, ${SUPPORT}], write: [${world.agentDir}], pids: 500}`
      world.config(
        `verify:\n  commands: [{run: ${JSON.stringify(gate)}, name: check}]\n  sandbox: os\nworkspace:\n  setup: [${JSON.stringify(attempts('setup', outside))}]\n`,
      )
      const text = world.read('belay.yaml')
      world.files({
        'belay.yaml': text.replaceAll('{provider: command,', `{provider: command, sandbox: ${more},`),
        'a.txt': 'a\n',
      })
      world.commit()
      const result = await world.belay(['run', '--prompt', 'make the file', '--accept-red-baseline'])
      expect(result.stderr + result.stdout).not.toContain('PRIVATE KEY')
      if (result.code !== 0)
        throw new Error(result.stdout + result.stderr + JSON.stringify(await world.json(['show', 'prompt'])))
      expect([result.code, world.read('made.txt')]).toEqual([0, 'made\n'])
      expectUntouched(outside)
      const shown = await world.json<{ evidence: { gate: string; result: string; output_head: string }[] }>([
        'show',
        'prompt',
      ])
      const last = shown.evidence.at(-1)
      expect([last?.gate, last?.result]).toEqual(['check', 'pass'])
      expect(last?.output_head).toMatch(/Read-only file system|nonexistent|No such file/)
      expect(last?.output_head).not.toContain('PRIVATE KEY')
    })
  }

  it('the same run unconfined leaves its marks: the attempts are real', async () => {
    const outside = place()
    world.script({ implementer: { '*': [{ files: { 'made.txt': 'made\n' }, sh: `echo agent > ${outside}/agent` }] } })
    world
      .config(`verify:\n  commands: [{run: "echo gate > ${outside}/gate; true", name: check}]\n`)
      .files({ 'a.txt': 'a\n' })
    world.commit()
    await world.belay(['run', '--prompt', 'make the file'])
    expect(['agent', 'gate'].filter((who) => existsSync(join(outside, who)))).toEqual(['agent', 'gate'])
  })

  const noDocker = startTestDocker()
  it('gates in docker: their own image, no network, nothing of the machine', async (test) => {
    const why = await noDocker
    if (why !== null) {
      if (process.env['CI'] === 'true') throw new Error(`must run in CI, but: ${why}`)
      process.stderr.write(`skipped: gates in docker: ${why}\n`)
      test.skip()
    }
    const outside = place()
    world.script({ implementer: { '*': [{ files: { 'made.txt': 'made\n' } }] } })
    const gate = `${attempts('gate', outside)}; id -u; ls /; test -f made.txt || exit 1; touch product; test ! -e ${process.execPath}`
    world.config(
      `verify:\n  commands: [{run: ${JSON.stringify(gate)}, name: check}]\n  sandbox: {backend: docker, image: "${TEST_IMAGE}", memory: 512m, cpus: 1, pids: 200}\n`,
    )
    world.files({ 'a.txt': 'a\n' }).commit()
    const env = { DOCKER_HOST: process.env['DOCKER_HOST'] ?? '' }
    const result = await world.belay(['run', '--prompt', 'make the file', '--accept-red-baseline'], { env })
    expect([result.code, result.stderr.includes('error')]).toEqual([0, false])
    expect(world.read('made.txt')).toBe('made\n')
    expectUntouched(outside)
  })

  it.each([
    ['verify:\n  sandbox: firecracker\n', 'config_invalid'],
    ['verify:\n  sandbox: {backend: os, memory: 4}\n', 'config_invalid'],
    ['verify:\n  sandbox: {backend: os, network: full, hosts: [a.example]}\n', 'config_invalid'],
    ['verify:\n  sandbox: {backend: host, network: none}\n', 'sandbox_unenforceable'],
    ['verify:\n  sandbox: {backend: os, disk: 1g}\n', noOs === null ? 'sandbox_unenforceable' : 'sandbox_unavailable'],
    ['verify:\n  sandbox: {backend: host, runtime: runsc}\n', 'sandbox_unenforceable'],
  ])('refuses before anything is spent: %j', async (more, code) => {
    world.config(more).files({ 'a.txt': 'a\n' }).commit()
    const { error } = await world.json<{ error: { code: string } }>(['run', '--prompt', 'make the file'])
    expect(error.code).toBe(code)
    expect(world.requests()).toEqual([])
  })
})
