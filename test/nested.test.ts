/** Belay started by an agent or a gate of Belay: what works, and what is refused. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { World, type Turn } from './support/world.ts'

const BELAY = `'${process.execPath}' '${fileURLToPath(new URL('support/built.cjs', import.meta.url))}'`

let world: World
beforeEach(() => {
  world = new World()
  world.config().unconfined()
  world
    .files({
      '.belay/workflows/data.yaml': 'name: data\nstates: [{id: one, type: inject, value: 1}]\n',
      'specs/001-x/spec.md': '# Spec\n',
      'specs/001-x/plan.md': '# Plan\n',
      'specs/001-x/tasks.md': '# Tasks\n\n## Phase 1: Work\n\n- [ ] T001 Write it\n',
    })
    .commit('first')
})
afterEach(() => world.dispose())

/** Shell text that starts Belay, and keeps what it said and its exit status in `$dir/NAME`. */
function nested(name: string, words: string, folder = '.'): string {
  const to = join(world.dir, name)
  return `(cd ${folder} && ${BELAY} ${words} --json </dev/null > ${to} 2>&1; echo $? >> ${to})`
}

/** Its exit status, and the code of its error. */
function came(name: string): { exit: number; code: string | null; text: string } {
  const text = readFileSync(join(world.dir, name), 'utf8')
  const lines = text.trimEnd().split('\n')
  return { exit: Number(lines.at(-1)), code: /"code":"(\w+)"/.exec(lines.at(-2) ?? '')?.[1] ?? null, text }
}

function script(turns: Readonly<Record<string, readonly Turn[]>>): void {
  world.script({ implementer: turns })
}

describe('in a task of a run', () => {
  it('no run of the same repository begins or goes on, and nothing is decided that is a person’s', async () => {
    const words = {
      run: 'run "Do it again"',
      feature: 'run specs/001-x',
      resume: 'resume',
      workflow: 'workflow run data',
      retry: 'retry T001',
      unblock: 'unblock T001 --note go',
      cancel: 'cancel T001',
      answer: 'answer cp-12345678 approve',
    }
    const sh = Object.entries(words).map(([name, one]) => nested(name, one))
    script({ T001: [{ files: { 'done.txt': 'x\n' }, sh: sh.join('; ') }] })
    expect((await world.belay(['run', 'specs/001-x'])).code).toBe(0)
    const found = Object.fromEntries(Object.keys(words).map((name) => [name, [came(name).exit, came(name).code]]))
    expect(found).toEqual({
      run: [2, 'nested_run'],
      feature: [2, 'nested_run'],
      resume: [2, 'nested_run'],
      workflow: [2, 'nested_run'],
      retry: [2, 'not_a_person'],
      unblock: [2, 'not_a_person'],
      cancel: [2, 'not_a_person'],
      answer: [2, 'not_a_person'],
    })
    const { run } = await world.json<{ run: { id: string; program: string } }>(['status'])
    expect(run.program).toBe('direct')
    expect((await world.belay(['resume'])).stdout).toContain('Nothing to resume')
  })

  it('an agent and a gate may ask another agent, and look at the run', async () => {
    const more = `verify:\n  commands: [{run: '${nested('gate', 'exec "judge it" --agent command --access read-only').replaceAll("'", "''")}; true', name: ask}]\n`
    world.config(more).files({ 'README.md': 'x\n' }).commit('gate')
    const sh = `${nested('exec', 'exec "help me" --agent command')}; ${nested('status', 'status')}`
    script({ T001: [{ files: { 'done.txt': 'x\n' }, sh }], exec: [{ lines: [{ type: 'message', text: 'helped' }] }] })
    const result = await world.belay(['run', 'specs/001-x', '--accept-red-baseline'])
    expect(result.code, result.stderr).toBe(0)
    expect(came('exec')).toMatchObject({ exit: 0, text: expect.stringContaining('"text":"helped"') })
    expect(came('gate')).toMatchObject({ exit: 0, text: expect.stringContaining('"text":"helped"') })
    expect(came('status')).toMatchObject({ exit: 0, text: expect.stringContaining('"handle":"T001"') })
  })

  it('a run of another repository goes on', async () => {
    const other = join(world.dir, 'other')
    const make = `git init -q -b main ${other} && cd ${other} && mkdir -p .belay/workflows && cp ${world.repo}/.belay/workflows/data.yaml .belay/workflows/ && git add -A && git commit -qm first`
    script({
      T001: [{ files: { 'done.txt': 'x\n' }, sh: `(${make}); ${nested('workflow', 'workflow run data', other)}` }],
    })
    expect((await world.belay(['run', 'specs/001-x'])).code).toBe(0)
    expect(came('workflow')).toMatchObject({ exit: 0, text: expect.stringContaining('"status":"done"') })
  })
})

describe('in a step of a workflow', () => {
  it('the same holds', async () => {
    const again = nested('again', 'workflow run self')
    const command = ['bash', '-c', `cat > /dev/null; ${again}; echo '{"type":"result","output":{}}'`]
    const flow = {
      name: 'self',
      agent: { command, timeout: '5m' },
      states: [{ id: 'one', type: 'agent', prompt: 'Go.' }],
    }
    world.files({ '.belay/workflows/self.yaml': JSON.stringify(flow) }).commit('workflow')
    const result = await world.belay(['workflow', 'run', 'self'])
    expect(result.code, result.stderr).toBe(0)
    expect(came('again')).toMatchObject({ exit: 2, code: 'nested_run' })
  })
})

describe('in a turn of exec', () => {
  it('agents ask agents only so deep', async () => {
    const deeper = (name: string): string => nested(name, 'exec "go deeper" --agent command')
    // Each turn asks the next; the one whose Belay is refused goes on by itself.
    script({ exec: [{ sh: `n=$BELAY_DEPTH; ${deeper('deep-$n')}`, lines: [{ type: 'message', text: 'turned' }] }] })
    const result = await world.belay(['exec', 'begin', '--agent', 'command'])
    expect(result.code, result.stderr).toBe(0)
    expect(came('deep-1').exit).toBe(0)
    expect(came('deep-2').exit).toBe(0)
    expect(came('deep-3')).toMatchObject({ exit: 2, code: 'nested_too_deep' })
    expect(existsSync(join(world.dir, 'deep-4'))).toBe(false)
    expect(world.requests()).toHaveLength(3)
    for (const words of [['batch', '--config', 'b.yaml'], ['run', 'Do it'], ['workflow', 'run', 'data'], ['chat']]) {
      world.files({ 'b.yaml': 'provider: claude\nprompt: x\nschema: {type: object}\nglob: "*.md"\n' })
      const refused = await world.belay(words, { env: { BELAY_DEPTH: '3' } })
      expect([words, refused.code, refused.stderr]).toEqual([words, 2, expect.stringContaining('[nested_too_deep]')])
    }
  })

  it('an agent cannot answer what it asks itself', async () => {
    script({ exec: [{ sh: nested('answer', 'answer cp-12345678 allow') }] })
    expect((await world.belay(['exec', 'begin', '--agent', 'command'])).code).toBe(0)
    expect(came('answer')).toMatchObject({ exit: 2, code: 'not_a_person' })
    // Another state folder's agents are nobody here.
    const free = await world.json(['answer', 'cp-12345678', 'allow'], { env: { BELAY_TASK: 'session/elsewhere/1/x' } })
    expect(free).toMatchObject({ error: { code: 'checkpoint_unknown' } })
  })
})
