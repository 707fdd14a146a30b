/** Flags that `belay chat` shares with `belay exec`: each has the same effect in both. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HOST, MODEL, bash, scripted, world } from './support/model-world.ts'

const ENGINE = [...MODEL, ...HOST] as const

describe('flags of belay chat', () => {
  it('--effort, --definition, --max-steps, --access and --budget-usd are those of the turn', async () => {
    world.files({ '.belay/agents/poet.md': '---\ndescription: writes\n---\nYou write about ropes only.\n' })
    const flags = ['--definition', 'poet', '--effort', 'high', '--access', 'read-only', '--max-steps', '2']
    const { requests } = await scripted(
      { reply: { calls: [{ name: 'write', input: { file_path: 'made.txt', content: 'x' } }] } },
      bash('ls'),
      { reply: { calls: [{ name: 'bash', input: { command: 'ls' } }], usage: { input: 9_000_000, output: 10 } } },
    )
    const steps = await world.belay(['chat', ...ENGINE, ...flags], { input: 'write\n' })
    expect([steps.code, steps.stderr]).toEqual([3, expect.stringContaining('[max_steps: 2 steps')])
    expect(requests[0]).toMatchObject({ effort: 'high', text: expect.stringContaining('about ropes only') as string })
    expect(requests[1]?.text).toContain('this session is read-only')
    expect(existsSync(join(world.repo, 'made.txt'))).toBe(false)
    const dear = await world.belay(['chat', ...ENGINE, '--budget-usd', '0.01'], { input: 'say\n' })
    expect([dear.code, dear.stderr]).toEqual([5, expect.stringContaining('[budget_usd')])
  })

  it('--timeout, --stall and --network are those of the turn', async () => {
    world.config().unconfined()
    world.script({
      implementer: { exec: [{ lines: [{ type: 'message', text: 'at work' }], hang: true }] },
      byCall: true,
    })
    const chat = (...flags: string[]) => world.belay(['chat', '--agent', 'command', ...flags], { input: 'hi\n' })
    const late = await chat('--timeout', '300ms')
    expect([late.code, late.stderr]).toEqual([3, expect.stringContaining('[timeout')])
    const silent = await chat('--stall', '300ms')
    expect([silent.code, silent.stderr]).toEqual([3, expect.stringContaining('[stall')])
    const network = await chat('--sandbox', 'host', '--network', 'none')
    expect([network.code, network.stderr]).toEqual([2, expect.stringContaining('[sandbox_unenforceable]')])
  })

  it('has a workspace of its own, a clone, or a part of the work, as exec has', async () => {
    world.config().unconfined().files({ a: '1' }).commit('first')
    world.files({ a: '2' }).commit('second')
    world.git('branch', 'other', 'HEAD~1')
    world.script({ implementer: { exec: [{ files: { 'made.txt': 'x\n' } }] }, byCall: true })
    const folder = (session: string, name = 'main'): string => join(world.home, 'workspaces', 'session', session, name)
    const chat = async (session: string, ...flags: string[]): Promise<string> => {
      const { code, stderr } = await world.belay(['chat', '--session', session, ...flags], { input: 'hi\n' })
      expect([flags, code, stderr]).toEqual([flags, 0, expect.anything()])
      return folder(session)
    }
    expect(existsSync(join(await chat('own', '--workspace', 'session'), 'made.txt'))).toBe(true)
    const url = `file://${world.repo}`
    const clone = await chat('clone', '--repo', url, '--branch', 'other', '--depth', '1')
    expect([readFileSync(join(clone, 'a'), 'utf8'), existsSync(join(clone, '.git/shallow'))]).toEqual(['1', true])
    const at = await chat('at', '--repo', url, '--ref', world.git('rev-parse', 'HEAD~1'), '--submodules')
    expect(readFileSync(join(at, 'a'), 'utf8')).toBe('1')
    await chat('team', '--collaboration', 'parallel', '--part', 'left')
    expect(existsSync(join(folder('team', 'parts/left'), 'made.txt'))).toBe(true)
    expect(existsSync(join(world.repo, 'made.txt'))).toBe(false)
  })
})
