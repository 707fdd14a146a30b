import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeLongSession } from '../bench/support/long-session.ts'
import { HOST, MODEL, bash, dropModel, model, say, scripted, world } from './support/model-world.ts'
import { collect, said } from './support/world.ts'

function lines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('belay exec with the engine', () => {
  it('works with tools in the current directory, outside of git, without any configuration', async () => {
    const { requests } = await scripted(bash('echo made > made.txt && pwd'), say('It is made.'))
    const cwd = join(world.dir, 'plain')
    world.files({ '../plain/x.txt': 'x\n' })
    const { code, stdout, stderr } = await world.belay(['exec', 'make it', ...MODEL, ...HOST], { cwd })
    expect([code, stdout, stderr]).toEqual([0, 'It is made.\n', expect.stringMatching(/^> .*echo made/m)])
    expect(world.read('../plain/made.txt')).toBe('made\n')
    expect(requests[0]?.text).toContain('make it')
    expect(requests[1]?.text).toContain(cwd)
    expect(stderr).toMatch(/^done: 2 steps, \d+ tokens, \$[\d.]+; go on with: --session /m)
  })

  it('--json ends with the agreed line', async () => {
    await scripted(bash('true'), say('ok'))
    const all = lines((await world.belay(['exec', 'x', ...MODEL, ...HOST, '--json', '--session', 's'])).stdout)
    expect(all.at(-1)).toMatchObject({
      type: 'exec.finished',
      status: 'done',
      finish_reason: 'agent_done',
      output: null,
      text: 'ok',
      session: 's',
      steps: 2,
    })
    expect(all.filter(({ type }) => type === 'item.tool_call').length).toBe(2)
    expect(all.filter(({ type }) => type === 'usage').length).toBe(2)
  })

  it('goes on with a session: the model sees everything that was said and done before', async () => {
    const { requests } = await scripted(bash('echo 4711'), say('noted'), say('it was 4711'))
    await world.belay(['exec', 'remember the number', ...MODEL, ...HOST, '--session', 's'])
    const { stdout } = await world.belay(['exec', 'which number?', ...MODEL, ...HOST, '--session', 's'])
    expect(stdout).toBe('it was 4711\n')
    const last = requests.at(-1)
    for (const part of ['remember the number', 'echo 4711', '4711\n', 'noted', 'which number?'])
      expect(last?.text).toContain(part)
  })

  it('a turn that was killed is gone on with, without what was in flight', async () => {
    const { requests } = await scripted(bash('echo one'), { reply: { hang: true } }, say('went on'))
    const child = world.start(['exec', 'work', ...MODEL, ...HOST, '--session', 's', '--json'])
    const ended = collect(child)
    await said(child, '"status":"completed"')
    await model?.reached(1)
    child.kill('SIGKILL')
    await ended
    const { code, stdout } = await world.belay(['exec', 'go on', ...MODEL, ...HOST, '--session', 's'])
    expect([code, stdout]).toEqual([0, 'went on\n'])
    expect(requests.at(-1)?.text).toContain('one\n')
    expect((await world.belay(['session', 'show', 's'])).stdout).toMatch(/> work\n-- cut off\n\nturn 2/)
  })

  it('what needs approval is denied, and said, when nobody is there', async () => {
    const { requests } = await scripted(bash('git push origin main'), say('could not push'))
    const { code, stderr } = await world.belay(['exec', 'push', ...MODEL, ...HOST])
    expect(code).toBe(0)
    expect(stderr).toMatch(/git push origin main/)
    expect(requests[1]?.text).toMatch(/nobody is there/)
  })

  it('--quiet still says what was denied, each once: by a rule that asks and by one that does not', async () => {
    await scripted(bash('git push origin main', 'find . -delete', 'true'), bash('git push origin main'), say('no push'))
    const { code, stdout, stderr } = await world.belay(['exec', 'push', ...MODEL, ...HOST, '--quiet'])
    expect([code, stdout]).toEqual([0, 'no push\n'])
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^denied: bash: git push origin main \(changes a remote .*nobody is there to give it\)/),
      expect.stringMatching(/^denied: bash: find \. -delete \(removes what it matches in the workspace itself/),
    ])
  })

  it('of a turn that is stopped, a long last message is shortened, and the command that shows all of it is named', async () => {
    const plan = `first${' step'.repeat(2000)} last`
    await scripted({ reply: { say: plan, calls: [{ name: 'bash', input: { command: 'true' } }] } })
    const stopped = await world.belay(['exec', 'x', ...MODEL, ...HOST, '--max-steps', '1', '--session', 's', '--quiet'])
    expect([stopped.code, stopped.stdout]).toEqual([3, ''])
    expect(stopped.stderr).toMatch(/^the agent's last message, shortened; full text: belay session show s\nfirst step/)
    expect(stopped.stderr).toMatch(/characters left out[^]*step last\n/)
    expect(stopped.stderr.length).toBeLessThan(3000)
    expect((await world.belay(['session', 'show', 's'])).stdout).toContain(plan)
  })

  it('an agent cannot widen its own policy: what it is told by asks, and a session keeps the policy it began with', async () => {
    const widen = 'policy: {commands: {allow: ["sudo"]}}\n'
    const { requests } = await scripted(
      bash(`echo 'policy: {commands: {allow: [sudo]}}' > belay.yaml`),
      { reply: { calls: [{ name: 'write', input: { file_path: 'belay.yaml', content: widen } }] } },
      { reply: { calls: [{ name: 'write', input: { file_path: '.belay/agents/x.md', content: 'x' } }] } },
      say('could not'),
      bash('sudo -n true'),
      say('still not'),
      bash('sudo -n true'),
      say('now'),
    )
    const exec = (...more: string[]) => world.belay(['exec', 'x', ...MODEL, ...HOST, '--session', 's', ...more])
    await exec()
    expect(requests[1]?.text).toMatch(/what Belay itself is told by.*nobody is there/)
    expect(requests[2]?.text.match(/what Belay itself is told by/g)).toHaveLength(2)
    expect(requests[3]?.text.match(/what Belay itself is told by/g)).toHaveLength(3)
    expect([existsSync(join(world.repo, 'belay.yaml')), existsSync(join(world.repo, '.belay'))]).toEqual([false, false])
    // However it got there.
    world.files({ 'belay.yaml': widen })
    const kept = await exec()
    expect(kept.stderr).toContain('--update-policy adopts the new one')
    expect(requests[5]?.text).toMatch(/runs as another user.*nobody is there/)
    const taken = await exec('--update-policy')
    expect(taken.stderr).not.toContain('--update-policy')
    expect(requests[7]?.text.match(/nobody is there/g)).toHaveLength(
      requests[5]?.text.match(/nobody is there/g)?.length ?? 0,
    )
  })

  it('--ask: what needs approval waits for belay answer, from another terminal', async () => {
    const { requests } = await scripted(
      bash('git push origin main'),
      bash('git push --tags'),
      bash('git push origin dev'),
      bash('git push --tags'),
      say('pushed what I could'),
      bash('git push --tags'),
      say('and again'),
    )
    world.files({ a: 'a' }).commit()
    const child = world.start(['exec', 'push', ...MODEL, ...HOST, '--session', 's', '--ask', '--json'])
    const ended = collect(child)
    const ask = async (): Promise<{ id: string; question: string }> => {
      for (;;) {
        const { checkpoints } = await world.json<{ checkpoints: { id: string; question: string; session: string }[] }>([
          'checkpoints',
        ])
        if (checkpoints[0]) return checkpoints[0]
      }
    }
    const first = await ask()
    expect(first.question).toContain('git push origin main')
    expect((await world.belay(['checkpoints'])).stdout).toContain(`belay answer ${first.id} allow|always|deny`)
    expect((await world.belay(['answer', first.id, 'maybe'])).stderr).toContain('[answer_invalid]')
    expect((await world.belay(['answer', first.id, 'deny', '--note', 'not on a Friday'])).code).toBe(0)
    expect((await world.belay(['answer', first.id, 'deny'])).code).toBe(2)
    const second = await ask()
    expect((await world.belay(['answer', second.id, 'always'])).stdout).toContain('always')
    const third = await ask()
    expect((await world.json(['answer', third.id, 'deny'])).checkpoint).toMatchObject({ id: third.id, session: 's' })
    const { code } = await ended
    expect(code).toBe(0)
    expect(requests[1]?.text).toContain('not on a Friday')
    // It was run, and is not asked about again: in this turn, or in a later one where nobody is there.
    const pushes = (n: number): number => requests[n]?.text.match(/fatal: No configured push destination/g)?.length ?? 0
    expect([pushes(1), pushes(2), pushes(4)]).toEqual([0, 1, 2])
    expect(await world.json(['checkpoints'])).toEqual({ checkpoints: [] })
    expect((await world.belay(['exec', 'again', ...MODEL, ...HOST, '--session', 's'])).code).toBe(0)
    expect(pushes(6)).toBe(3)
  })

  it('keeps to the policy of belay.yaml', async () => {
    const { requests } = await scripted(bash('make deploy'), say('no'))
    world.files({ 'belay.yaml': 'policy: {commands: {deny: [make deploy]}}\n' })
    expect((await world.belay(['exec', 'deploy', '--agent', 'engine', ...MODEL, ...HOST])).code).toBe(0)
    expect(requests[1]?.text).toMatch(/policy\.commands/)
  })

  it('--ask-timeout: what nobody answered is denied', async () => {
    const { requests } = await scripted(bash('git push origin main'), say('no'))
    const { code } = await world.belay(['exec', 'push', ...MODEL, ...HOST, '--ask', '--ask-timeout', '200ms'])
    expect(code).toBe(0)
    expect(requests[1]?.text).toContain('nobody answered within 200ms')
  })

  it('--output-schema, --max-steps, --definition and instructions reach the model', async () => {
    const { requests } = await scripted(say('{"n": 3}'))
    world.files({
      's.json': JSON.stringify({ type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] }),
      'AGENTS.md': 'Always whistle.\n',
      '.belay/agents/counter.md': '---\ndescription: counts\naccess: read-only\n---\nYou count things.\n',
    })
    const { code, stdout } = await world.belay([
      'exec',
      'count',
      ...MODEL,
      ...HOST,
      '--output-schema',
      's.json',
      '--definition',
      'counter',
    ])
    expect([code, stdout]).toEqual([0, '{"n":3}\n'])
    expect(requests[0]?.body['output_config']).toMatchObject({ format: { schema: { required: ['n'] } } })
    expect(requests[0]?.text).toContain('You count things.')
    expect(requests[0]?.text).toContain('Always whistle.')
    await scripted(bash('true'), bash('echo 2'), bash('echo 3'))
    const limited = await world.belay(['exec', 'x', ...MODEL, ...HOST, '--max-steps', '2', '--json'])
    expect([limited.code, lines(limited.stdout).at(-1)]).toEqual([
      3,
      expect.objectContaining({ status: 'blocked', finish_reason: 'max_steps', steps: 2 }),
    ])
    await dropModel()
  })

  it('--output-schema: a service that does not take it is asked without, and it is said; what never fits is invalid_output', async () => {
    const { requests } = await scripted(
      { reply: { status: 400, body: { error: { message: 'output_config: not for this model' } } } },
      say('{"n": "many"}'),
      say('{"n": 3}'),
      say('no'),
      say('{"n": 1.5}'),
      say('[]'),
    )
    world.files({ 's.json': '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}' })
    const exec = (...more: string[]) =>
      world.belay(['exec', 'count', ...MODEL, ...HOST, '--output-schema', 's.json', ...more])
    const mended = await exec()
    expect([mended.code, mended.stdout]).toEqual([0, '{"n":3}\n'])
    expect(mended.stderr).toContain(
      'anthropic/claude-sonnet-5 does not take the schema of the answer, which the prompt says as well (output_config: not for this model)',
    )
    expect(requests.map(({ body }) => body['output_config'] !== undefined)).toEqual([true, false, false])
    expect(requests[2]?.text).toContain('/n: must be integer')
    const never = await exec('--json')
    expect([never.code, lines(never.stdout).at(-1)]).toEqual([
      3,
      expect.objectContaining({ status: 'blocked', finish_reason: 'invalid_output', output: null, steps: 3 }),
    ])
  })

  it("a definition's timeout holds, unless --timeout says otherwise", async () => {
    await scripted({ reply: { hang: true } })
    world.files({ '.belay/agents/short.md': '---\ndescription: has little time\ntimeout: 300ms\n---\nWork.\n' })
    const exec = (...more: string[]) => world.belay(['exec', 'x', ...MODEL, ...HOST, '--definition', 'short', ...more])
    expect(await exec()).toMatchObject({ code: 3, stderr: expect.stringMatching(/\[timeout\]/) as string })
    // Its time may be over before it asks anything.
    await model?.close({ unasked: 'allow' })
    await scripted(bash('sleep 1'), say('had the time'))
    expect(await exec('--timeout', '5m')).toMatchObject({ code: 0, stdout: 'had the time\n' })
  })

  it('--stdin: what is piped in stands behind the prompt, fenced; nothing and too much are said', async () => {
    const { requests } = await scripted(say('reviewed'))
    const exec = (input: string, prompt = 'review this change') =>
      world.belay(['exec', prompt, ...MODEL, ...HOST, '--stdin'], { input })
    expect(await exec('+ a ```` b\n')).toMatchObject({ code: 0, stdout: 'reviewed\n' })
    expect(requests[0]?.messages.at(-1)?.text).toBe('review this change\n\nFrom stdin:\n`````\n+ a ```` b\n`````')
    expect(await exec('\n')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is nothing on stdin') as string,
    })
    expect(await exec('x', '-')).toMatchObject({ code: 2, stderr: expect.stringContaining('one of them') as string })
    const big = await exec('x'.repeat((8 << 20) + 1))
    expect(big).toMatchObject({ code: 2, stderr: expect.stringContaining('stdin has more than') as string })
  })

  it('refuses what cannot work before anything is made', async () => {
    await scripted()
    for (const [words, code] of [
      [['--model', 'anthropc/x'], 'model_unknown'],
      [['--model', 'openai/gpt-5.5'], 'model_no_key'],
      [['--agent', 'engine', '--definition', 'nobody'], 'agent_definition'],
      [['--agent', 'engine', ...MODEL, '--sandbox', 'vm'], 'sandbox_unknown'],
      [['--agent', 'engine', ...MODEL, '--network', 'a b'], 'usage'],
      [['--agent', 'codex', '--definition', 'x'], 'usage'],
      [[...MODEL, '--effort', 'huge'], 'effort_unknown'],
      [[...MODEL, '--ask-timeout', '5m'], 'usage'],
    ] as const) {
      const result = await world.belay(['exec', 'x', '--agent', 'engine', ...words])
      expect([words, result.code, result.stderr]).toEqual([words, 2, expect.stringContaining(`[${code}`)])
    }
    expect((await world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
  })

  it('takes up a session of 2,000 items, and keeps working in a window of 32,000 tokens', async () => {
    await makeLongSession(world.home, 'long', 2000)
    world.files({
      '.belay/agents/small.md': '---\ndescription: has a small window\ncontext_window: 32000\n---\nWork.\n',
    })
    const { requests } = await scripted({ reply: { say: 'Summary: it went on. Or: still here.' }, every: true })
    const flags = [...MODEL, ...HOST, '--session', 'long', '--definition', 'small'] as const
    const { code, stdout } = await world.belay(['exec', 'still there?', ...flags])
    expect([code, stdout]).toEqual([0, 'Summary: it went on. Or: still here.\n'])
    // Characters by four is a low guess of tokens, and even so all of it would be ten times too much.
    for (const request of requests) expect(JSON.stringify(request.body).length / 4).toBeLessThan(32_000)
    expect(requests.at(-1)?.text).toContain('still there?')
    const again = await world.belay(['exec', 'and now?', ...flags])
    expect(again.code).toBe(0)
    expect(requests.at(-1)?.text).toContain('still there?')
    const { entries } = await world.json<{ entries: { type: string }[] }>(['session', 'show', 'long', '--items'])
    expect(entries.length).toBeGreaterThan(6000)
  })

  it('confines commands by default where the machine can, to the folder and without network', async () => {
    const outside = join(world.dir, 'user', 'outside.txt')
    const { requests } = await scripted(bash('sh try.sh'), say('tried'))
    world.files({
      'try.sh': [
        'echo in > in.txt',
        `echo out > ${outside}`,
        `cat ${world.home}/sessions/s/session.jsonl`,
        `curl -sS -m 5 ${model?.url}`,
        '',
      ].join('\n'),
    })
    const { code, stderr } = await world.belay(['exec', 'try', ...MODEL, '--session', 's'])
    // No sandbox on this machine, which was said; in CI there must be one.
    if (process.env['CI'] !== 'true' && stderr.includes('commands run unconfined')) return
    expect(code).toBe(0)
    expect(world.read('in.txt')).toBe('in\n')
    expect(existsSync(outside)).toBe(false)
    expect(requests[1]?.text).not.toContain('"type":"session"')
    expect(requests[1]?.text).toMatch(/curl: \(\d+\)/)
  })

  it('says when what Belay is told by was changed while the agent was at work', async () => {
    await scripted(bash('true'), say('ok'), bash('sh widen.sh'), say('ok'))
    world.files({ 'belay.yaml': 'concurrency: 1\n', 'widen.sh': 'echo "concurrency: 2" > belay.yaml\n' })
    expect((await world.belay(['exec', 'x', ...MODEL, ...HOST])).stderr).not.toContain('belay.yaml')
    const { code, stderr } = await world.belay(['exec', 'x', ...MODEL, ...HOST])
    expect([code, stderr]).toEqual([0, expect.stringMatching(/warning: .*belay\.yaml was changed while the agent/)])
  })

  it('a session that is imported leaves its command policy behind, and says so', async () => {
    await scripted(bash('true'), say('ok'))
    world.files({ 'belay.yaml': 'policy: {commands: {allow: ["sudo"]}}\n' })
    await world.belay(['exec', 'x', ...MODEL, ...HOST, '--session', 's'])
    world.files({ 'belay.yaml': null })
    const { stdout } = await world.belay(['session', 'export', 's'])
    expect(stdout).toContain('sudo')
    const imported = await world.belay(['session', 'import', '-', '--id', 't'], { input: stdout })
    expect([imported.code, imported.stderr]).toEqual([
      0,
      expect.stringContaining('its command policy was not imported'),
    ])
    expect((await world.belay(['session', 'export', 't'])).stdout).not.toContain('sudo')
  })

  it('refuses a budget that could not be kept to, and a sandbox that cannot do what is asked, before a session is made', async () => {
    const env = { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' }
    const unpriced = ['exec', 'x', '--model', 'openai-compatible/llama', ...HOST, '--budget-usd', '1']
    const budget = await world.belay(unpriced, { env })
    expect([budget.code, budget.stderr]).toEqual([2, expect.stringContaining('[budget_unknown_cost]')])
    const network = await world.belay(
      ['exec', 'x', '--model', 'openai-compatible/llama', ...HOST, '--network', 'none'],
      {
        env,
      },
    )
    expect([network.code, network.stderr]).toEqual([2, expect.stringContaining('[sandbox_unenforceable]')])
    expect((await world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
  })

  it('is what its role in belay.yaml says: model, sandbox, environment', async () => {
    const { requests } = await scripted(bash('echo "[$MINE]" > ../outside.txt'), say('ok'))
    world.files({
      'belay.yaml':
        'workflow: {roles: {implementer: {provider: engine, model: anthropic/claude-opus-4-5, sandbox: host, env: {MINE: here}}}}\n',
    })
    const { code, stderr } = await world.belay(['exec', 'x', '--access', 'full'])
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('warning')])
    expect(JSON.stringify(requests[0])).toContain('claude-opus-4-5')
    expect(world.read('../outside.txt')).toBe('[here]\n')
  })

  it('speaks to any OpenAI-compatible address', async () => {
    writeFileSync(join(world.repo, 'x'), '')
    const { LLMock } = await import('@copilotkit/aimock')
    const mock = new LLMock({ port: 0 })
    mock.addFixture({ match: {}, response: { content: 'from afar' } })
    await mock.start()
    try {
      const env = { OPENAI_BASE_URL: `${mock.url}/v1`, OPENAI_API_KEY: 'k' }
      const result = await world.belay(
        ['exec', 'hi', '--agent', 'engine', '--model', 'openai-compatible/llama', ...HOST],
        { env },
      )
      expect(result).toMatchObject({ code: 0, stdout: 'from afar\n' })
    } finally {
      await mock.stop()
    }
  })
})
