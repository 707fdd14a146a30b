/** Scenarios of the engine through the command line, with a scripted model. */
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startTestDocker } from '../src/sandbox/testing/docker.ts'
import { TEST_IMAGE } from '../src/sandbox/testing/image.ts'
import type { Step } from './support/model-server/index.ts'
import { MODEL, bash, model, scripted, world } from './support/model-world.ts'

describe('belay exec', () => {
  it('ends with doom_loop, exit 3, when a failing command is repeated', async () => {
    const { requests } = await scripted(...Array.from({ length: 5 }, () => bash('cat missing.txt')))
    const { code, stdout } = await world.belay(['exec', 'x', ...MODEL, '--sandbox', 'host', '--json'])
    const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown
    expect([code, last]).toEqual([3, expect.objectContaining({ finish_reason: 'doom_loop', steps: 5 })])
    expect(requests[3]?.text).toContain('the same call 3 times in a row with the same result')
  })

  it('a skill is named in the instructions, the nearer one, and loaded by the skill tool', async () => {
    const skill = (text: string): string => `---\ndescription: how we release ${text}\n---\nThe steps of ${text}.\n`
    world.files({
      '.claude/skills/release/SKILL.md': skill('far'),
      '.belay/skills/release/SKILL.md': skill('near'),
      '.belay/skills/release/notes.md': 'notes\n',
    })
    const { requests } = await scripted(
      { reply: { calls: [{ name: 'skill', input: { name: 'release' } }] } },
      { reply: { say: 'read' } },
    )
    expect((await world.belay(['exec', 'release', ...MODEL, '--sandbox', 'host'])).code).toBe(0)
    expect(requests[0]?.text).toContain('release: how we release near')
    expect(requests[0]?.text).toContain('Load it with the `skill` tool')
    expect(requests[0]?.text).not.toContain('far')
    expect(requests[0]?.text).not.toContain('The steps of')
    expect(requests[1]?.text).toContain('The steps of near.')
    expect(requests[1]?.text).toContain('notes.md')
  })

  it("a skill's allowed-tools give no leave, wherever the skill lies, and take none", async () => {
    const skill = (tools: string): string =>
      `---\ndescription: how we publish\nallowed-tools: ${tools}\n---\nPush it.\n`
    world.files({
      '.claude/skills/theirs/SKILL.md': skill('Bash(git push:*), Bash(sudo:*)'),
      '../user/.config/belay/skills/mine/SKILL.md': skill('Bash(git push:*)'),
    })
    const load = (name: string): Step => ({ reply: { calls: [{ name: 'skill', input: { name } }] } })
    const { requests } = await scripted(
      load('theirs'),
      load('mine'),
      bash('git push origin main'),
      { reply: { calls: [{ name: 'write', input: { file_path: 'note.txt', content: 'x' } }] } },
      { reply: { say: 'asked' } },
    )
    const { code, stderr } = await world.belay(['exec', 'publish', ...MODEL, '--sandbox', 'host'])
    expect(code).toBe(0)
    expect(requests[0]?.text).toContain('made for these tools: Bash(git push:*), Bash(sudo:*)')
    expect(requests[2]?.text.match(/allowed-tools give no leave here/g)).toHaveLength(2)
    expect(stderr).toMatch(/denied: .*git push origin main.*nobody is there/)
    expect(world.read('note.txt')).toBe('x')
  })

  it('what an agent makes in a container is on the host, and the next one goes on with it in a container of its own', async (test) => {
    const why = await startTestDocker()
    if (why !== null) {
      if (process.env['CI'] === 'true') throw new Error(`must run in CI, but: ${why}`)
      process.stderr.write(`skipped: agents in docker: ${why}\n`)
      return test.skip()
    }
    world.env['DOCKER_HOST'] = process.env['DOCKER_HOST'] ?? ''
    world.files({
      '.belay/agents/boxed.md': `---\ndescription: in a container\nsandbox: docker\nimage: ${TEST_IMAGE}\n---\nWork.\n`,
    })
    // What is in a container's own /tmp is neither on the host nor in another container.
    const own = `/tmp/${basename(world.dir)}-own`
    await scripted(
      bash(
        `echo "echo made by a script" > script.sh && sh script.sh > made.txt && touch ${own} && ls ${own} && echo there-$((1 + 1))`,
      ),
      { reply: { say: 'made' } },
      bash(`cat made.txt; ls ${own}; echo more >> made.txt`),
      { reply: { say: 'went on' } },
    )
    const exec = (session: string) =>
      world.belay(['exec', 'x', ...MODEL, '--agent', 'engine', '--definition', 'boxed', '--session', session])
    expect(await exec('analyzer')).toMatchObject({ code: 0, stdout: 'made\n' })
    expect(model?.requests[1]?.text).toContain('there-2')
    expect(existsSync(own)).toBe(false)
    expect(world.read('made.txt')).toBe('made by a script\n')
    expect(await exec('fixer')).toMatchObject({ code: 0, stdout: 'went on\n' })
    expect(world.read('made.txt')).toBe('made by a script\nmore\n')
    expect(model?.requests[3]?.text).toMatch(/made by a script\n.*own.*No such file/)
  })
})
