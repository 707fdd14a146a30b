import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Turn } from '../support/world.ts'
import { events, prompts, status, survivors, userState, verified } from './support.ts'
import { world, GOOD, start, run, task, expectLanded, limits } from './agents-world.ts'

describe('an agent that starts Belay in its turn', () => {
  it('is refused a run of the repository that it works in, which would never end', async () => {
    const belay = `'${process.execPath}' '${new URL('../support/built.cjs', import.meta.url).pathname}'`
    const nested = `NESTED=1 ${belay} run 'Do it again' --json > said.txt; echo $? >> said.txt`
    start([{ sh: `test -n "$NESTED" || { ${nested}; }` }])
    await run(0)
    expect(world.read('said.txt')).toMatch(/"code":"nested_run"[^]*\n2\n$/)
    expect(world.requests().filter(({ role }) => role === 'implementer')).toHaveLength(1)
  })
})

describe('an agent that does not end', () => {
  it('and says nothing is ended, and asked again without a burnt attempt', async () => {
    start([
      { files: { 'half.txt': 'half\n' }, sh: 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & true', hang: true },
      GOOD,
    ])
    await run(0, ...limits('15s', '5m'))
    expect(await task()).toMatchObject({ status: 'done', attempt: 1 })
    expect(world.requests().filter((one) => one['role'] === 'implementer')).toHaveLength(2)
    // What the ended turn had written is not in the commit of the next.
    await expectLanded('good.txt')
  })

  it('blocks its task when it does so again and again', async () => {
    start([{ hang: true }])
    const before = userState(world)
    await run(3, ...limits('800ms', '1m'))
    expect(await task()).toMatchObject({ status: 'blocked', attempt: 0, code: 'agent_stall' })
    expect(userState(world)).toEqual(before)
  })

  it('but talks on is ended when its time is over', async () => {
    start([{ sh: 'while :; do echo \'{"type":"message","text":"still at it"}\'; sleep 0.05; done' }, GOOD])
    await run(0, ...limits('5m', '15s'))
    expect(await task()).toMatchObject({ status: 'done', attempt: 1 })
    expect(
      (await events(world)).filter((event) => event.type === 'session.ended').map((event) => event.data['status']),
    ).toEqual(['timeout', 'completed', 'completed'])
  })

  it('has answered, but leaves processes that write: they are ended before anything is kept', async () => {
    const beat = join(tmpdir(), `belay-beat-${process.pid}`)
    start([
      {
        ...GOOD,
        sh: `(setsid bash -c 'while :; do date +%N > ${beat}; sleep 0.01; done' </dev/null >/dev/null 2>&1 &)\n(sleep 1000 &)\nuntil [ -e ${beat} ]; do sleep 0.01; done`,
      },
    ])
    await run(0)
    expect(survivors(world)).toEqual([])
    rmSync(beat)
    await expectLanded('good.txt')
    expect(existsSync(beat)).toBe(false)
  })
})

describe('an agent that floods', () => {
  it.each<[string, string]>([
    ['one endless line', "head -c 1100000000 /dev/zero | tr '\\0' x"],
    ['short lines', 'yes | head -c 1100000000'],
    ['messages', `yes '{"type":"message","text":"${'m'.repeat(2000)}"}' | head -c 1100000000`],
    ['errors', "head -c 1100000000 /dev/zero | tr '\\0' x >&2"],
  ])(
    '%s: bounded memory, disk and time',
    async (_name, sh) => {
      start([{ sh }, GOOD])
      const result = await world.belay(['run', 'Do some good'], { node: ['--max-old-space-size=300'] })
      expect(result.code, result.stderr).toBe(0)
      await expectLanded('good.txt')
      expect(await task()).toMatchObject({ attempt: 1 })
      expect(statSync(join(world.home, 'belay.db')).size).toBeLessThan(40 << 20)
      for (const name of readdirSync(join(world.home, 'sessions')))
        expect(statSync(join(world.home, 'sessions', name)).size).toBeLessThan(150 << 20)
    },
    900_000,
  )

  it('garbage between its frames is kept and does no harm', async () => {
    const odd = [
      '',
      'not json',
      '{"type":',
      '[]',
      'null',
      '"x"',
      '{"type":"constructor"}',
      '{"type":"message"}',
      '{"__proto__":{"type":"result"}}',
      '\u0000\u0007\u001b[31m',
      '{"type":"usage","input_tokens":"many"}',
      '{"type":"usage","input_tokens":-5,"output_tokens":1e308,"cost_usd":-1}',
    ]
    start([{ ...GOOD, lines: odd, sh: 'printf \'\\377\\376\\n{"type":"message","text":"\\303"}\\n\'' }])
    await run(0)
    await expectLanded('good.txt')
    expect((await status(world)).run).toMatchObject({ status: 'done' })
  })
})

describe('an agent that answers badly', () => {
  const bad: Turn = { ...GOOD, answer: { status: 'finished' } }

  it('is asked again twice, in the same attempt', async () => {
    start([bad, { ...GOOD, answer: { summary: 5, extra: true } }, GOOD])
    await run(0)
    const asked = prompts(world, 'implementer')
    expect(asked).toHaveLength(3)
    expect(asked[1]).toContain('status')
    expect(asked[2]).toContain('extra')
    expect(await task()).toMatchObject({ status: 'done', attempt: 1 })
    await expectLanded('good.txt')
  })

  it('for a third time has used up its attempt', async () => {
    start([bad, bad, bad, GOOD])
    await run(0)
    expect(await task()).toMatchObject({ status: 'done', attempt: 2 })
    expect(prompts(world, 'implementer')[3]).toContain('did not fit the schema')
  })

  it('and always does is blocked', async () => {
    start([bad], { config: 'task: {max_iterations: 2}\n' })
    const before = userState(world)
    await run(3)
    expect(await task()).toMatchObject({ status: 'blocked', attempt: 2, code: 'attempts_exhausted' })
    expect(prompts(world, 'implementer')).toHaveLength(6)
    expect(userState(world)).toEqual(before)
  })

  it('or not at all, and exits with 0: no attempt is burnt, and the task is blocked', async () => {
    start([{ ...GOOD, answer: null }])
    await run(3)
    expect(await task()).toMatchObject({ status: 'blocked', attempt: 0, code: 'agent_protocol' })
    expect(world.log()).toHaveLength(1)
  })

  it('and fails: with what it said on stderr', async () => {
    start([{ answer: null, sh: 'echo this is why >&2', exit: 7 }, GOOD])
    await run(0)
    expect(await task()).toMatchObject({ attempt: 1 })
    const reasons = (await events(world))
      .filter((event) => event.type === 'task.suspended')
      .map((event) => JSON.stringify(event.data['reason']))
    expect(reasons).toHaveLength(1)
    expect(reasons[0]).toContain('this is why')
  })

  it('for another task: it is noted, and no failure', async () => {
    start([{ ...GOOD, answer: { taskHandle: 'T999' } }])
    await run(0)
    await expectLanded('good.txt')
  })

  it('at great length', async () => {
    const long = 'x'.repeat(5_000_000)
    start([{ ...GOOD, answer: { summary: `Belay-Task: T1\n${long}`, notes: [long.slice(0, 1000)] } }], {
      reviewer: [{ answer: { summary: long } }],
    })
    await run(0)
    await expectLanded('good.txt')
    expect(world.git('log', '-1', '--format=%B').length).toBeLessThan(6000)
    expect(world.log().at(-1)?.trailers['Belay-Task']).toBe('prompt')
    for (const prompt of prompts(world, 'reviewer')) expect(prompt.length).toBeLessThan(400_000)
  })

  it('with a line that is too long to be read', async () => {
    start([{ ...GOOD, answer: { summary: 'y'.repeat(9_000_000) } }, GOOD])
    await run(0)
    await expectLanded('good.txt')
  })

  it('as a reviewer', async () => {
    const fail = { answer: { verdict: 'pass', acceptanceChecks: [{ criterion: 'x', note: '', status: 'fail' }] } }
    start([GOOD], { reviewer: [{ answer: { verdict: 'great' } }, fail, {}] })
    await run(0)
    expect(prompts(world, 'reviewer')).toHaveLength(3)
    await expectLanded('good.txt')
  })

  it('as a reviewer, always: the task is blocked, unlanded', async () => {
    start([GOOD], { reviewer: [{ answer: { verdict: 'great' } }] })
    const before = userState(world)
    await run(3)
    expect(await task()).toMatchObject({ status: 'blocked', code: 'agent_protocol' })
    expect(userState(world)).toEqual(before)
  })
})

describe('an agent that claims success', () => {
  it('with failing gates is told what fails, and never believed', async () => {
    start([{ files: { 'good.txt': 'bad\n' }, answer: { summary: 'All tests pass!', notes: ['gates: pass'] } }], {
      config: 'task: {max_iterations: 3}\n',
    })
    const before = userState(world)
    await run(3)
    expect(await task()).toMatchObject({ status: 'blocked', attempt: 3, code: 'attempts_exhausted' })
    expect((await verified(world, 'prompt')).map((one) => one.result)).toEqual(['fail', 'fail', 'fail'])
    expect(prompts(world, 'reviewer')).toEqual([])
    expect(userState(world)).toEqual(before)
  })

  it('with nothing done: a person is asked', async () => {
    start([{}])
    const before = userState(world)
    await run(4)
    expect(userState(world)).toEqual(before)
    expect(await task()).toMatchObject({ status: 'waiting', code: 'no_change' })
    const { checkpoints } = await world.json<{ checkpoints: { id: string; task: string }[] }>(['checkpoints'])
    expect(checkpoints).toHaveLength(1)
    expect((await world.belay(['answer', checkpoints[0]?.id ?? '', 'block'])).code).toBe(0)
    expect((await world.belay(['resume'])).code).toBe(3)
    expect(await task()).toMatchObject({ status: 'blocked' })
  })
})
