/** Named pipes where Belay reads files: an agent can make one anywhere in its workspace, and a reader waits at it for ever. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { findBackend } from '../src/sandbox/index.ts'
import { startModelServer, type ModelServer } from './support/model-server/index.ts'
import { World } from './support/world.ts'

const noOs = (await findBackend('os').probe()) !== null && process.env['CI'] !== 'true'

let world: World
let model: ModelServer | undefined
beforeEach(() => {
  world = new World()
})
afterEach(async () => {
  await model?.close()
  model = undefined
  world.dispose()
})

/** Memory, skills and definitions of the engine, and all that decides what git does in a folder. */
const PLACES = [
  'AGENTS.md',
  'sub/AGENTS.md',
  '.belay/skills/a/SKILL.md',
  '.belay/agents/a.md',
  '.gitattributes',
  '.gitmodules',
  'sub/.gitignore',
  'pointer/.git',
  ...['HEAD', 'config', 'config.worktree', 'commondir', 'hooks'].map((name) => `repository/.git/${name}`),
  ...['HEAD', 'config', 'commondir'].map((name) => `bare/${name}`),
]
const FOLDERS = ['repository/.git/objects', 'repository/.git/refs', 'bare/objects', 'bare/refs']

/** The same for /bin/sh. */
const MAKE = [
  `mkdir -p ${FOLDERS.join(' ')}`,
  ...PLACES.map((path) => `mkdir -p ${dirname(path)} && { test -e ${path} || mkfifo ${path}; }`),
].join('; ')

it.each(['host', 'os'].filter((name) => name === 'host' || !noOs))(
  'belay exec with the engine in %s',
  async (sandbox) => {
    model = await startModelServer({
      steps: [
        { reply: { calls: [{ name: 'bash', input: { command: 'sh ./make.sh && echo made-them' } }] } },
        { reply: { calls: [{ name: 'read', input: { path: 'AGENTS.md' } }] } },
        { reply: { calls: [{ name: 'grep', input: { pattern: 'x' } }] } },
        { reply: { say: 'done' } },
      ],
    })
    Object.assign(world.env, { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'test-key' })
    world.files({ 'make.sh': `${MAKE}\n`, 'belay.yaml': 'policy: {commands: {allow: ["sh *"]}}\n' }).commit()
    const words = ['--model', 'anthropic/claude-sonnet-5', '--sandbox', sandbox, '--session', 's']
    // They come up while it works.
    const first = await world.belay(['exec', 'make them', ...words])
    expect([first.code, first.stdout, first.stderr]).toEqual([0, 'done\n', expect.anything()])
    expect(model.requests[1]?.text).toContain('made-them')
    await model.close()
    // They are there when it begins.
    model = await startModelServer({ steps: [{ reply: { say: 'again' } }] })
    world.env['ANTHROPIC_BASE_URL'] = model.url
    const again = await world.belay(['exec', 'again', ...words])
    expect([again.code, again.stdout]).toEqual([0, 'again\n'])
  },
)

it('belay run: they are no part of what lands', async () => {
  world.script({ implementer: { '*': [{ files: { 'made.txt': 'made\n' }, sh: MAKE }] } })
  world.config('verify: {commands: ["ls"]}\n').commit()
  const { code, stdout, stderr } = await world.belay(['run', 'make the file'])
  expect(code, stdout + stderr).toBe(0)
  expect(world.git('diff', '--name-only', 'HEAD~1')).toBe('made.txt')
})

it('belay.yaml itself: refused', async () => {
  mkdirSync(world.repo, { recursive: true })
  execFileSync('mkfifo', [join(world.repo, 'belay.yaml')])
  const { error } = await world.json<{ error: { code: string } }>(['exec', 'x'])
  expect(error.code).toBe('config_invalid')
})
