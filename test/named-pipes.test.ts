/**
 * Named pipes where Belay reads files: an agent can create one anywhere in its workspace, and a blocking reader would wait
 * forever.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { findBackend } from '../src/sandbox/index.ts'
import { MODEL, bash, say, scripted, world } from './support/model-world.ts'

const noOs = (await findBackend('os').probe()) !== null && process.env['CI'] !== 'true'

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
    const { requests } = await scripted(
      bash('sh ./make.sh && echo made-them'),
      { reply: { calls: [{ name: 'read', input: { path: 'AGENTS.md' } }] } },
      { reply: { calls: [{ name: 'grep', input: { pattern: 'x' } }] } },
      say('done'),
    )
    world.files({ 'make.sh': `${MAKE}\n`, 'belay.yaml': 'policy: {commands: {allow: ["sh *"]}}\n' }).commit()
    const words = [...MODEL, '--sandbox', sandbox, '--session', 's']
    // They come up while it works.
    const first = await world.belay(['exec', 'make them', ...words])
    expect([first.code, first.stdout, first.stderr]).toEqual([0, 'done\n', expect.anything()])
    expect(requests[1]?.text).toContain('made-them')
    // They are there when it begins.
    await scripted(say('again'))
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
