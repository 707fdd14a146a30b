import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expectProven, status } from './support.ts'
import { world, start, ready, errorOf, refused, stored } from './bad-input-world.ts'

describe('task lists that cannot be read', () => {
  it.each<[string, readonly string[], string, RegExp]>([
    ['a handle that is none', ['- [ ] TXXX Write it'], 'source_invalid', /tasks\.md:5: /],
    ['a box that is none', ['- [y] T001 Write it'], 'source_invalid', /tasks\.md:5: /],
    ['no title', ['- [ ] T001'], 'source_invalid', /tasks\.md:5: /],
    ['a handle twice', ['- [ ] T001 Write it', '- [ ] T001 Again'], 'source_invalid', /tasks\.md:6: .*T001/],
    ['an unknown dependency', ['- [ ] T001 Write it (depends on T009)'], 'source_invalid', /T009/],
    ['a task that waits for itself', ['- [ ] T001 Write it (depends on T001)'], 'source_invalid', /T001/],
    [
      'a cycle',
      [
        '- [ ] T001 Write it (depends on T002)',
        '- [ ] T002 Write it (depends on T003)',
        '- [ ] T003 Write it (depends on T001)',
      ],
      'source_invalid',
      /T001.*T002.*T003.*T001/,
    ],
    ['no tasks', ['nothing here'], 'source_empty', /tasks\.md/],
  ])('%s', async (_name, lines, code, message) => {
    start().feature('001-x', lines).config().commit()
    const error = await refused(['run'], code)
    expect(error.message).toMatch(message)
  })

  it('all problems at once', async () => {
    start().feature('001-x', ['- [ ] TXXX a', '- [y] T002 b', '- [ ] T003 c (depends on T999)']).config().commit()
    const error = await refused(['run'], 'source_invalid')
    expect(error.message.match(/tasks\.md:\d+/g)?.length).toBeGreaterThanOrEqual(2)
  })

  it('a file that is missing, and one that is no text', async () => {
    start().feature('001-x', ['- [ ] T001 Write it']).files({ 'specs/001-x/plan.md': null }).config().commit()
    expect((await refused(['run', '--feature', '001-x'], 'source_incomplete')).message).toContain('plan.md')
    world.files({ 'specs/001-x/plan.md': 'plan\n' })
    writeFileSync(join(world.repo, 'specs/001-x/tasks.md'), Buffer.from('- [ ] T001 Write it\n', 'utf16le'))
    world.commit()
    await refused(['run'], 'source_unreadable')
  })

  it('a task list that is a link out of the repository', async () => {
    start().feature('001-x', ['- [ ] T001 Write it']).config()
    writeFileSync(join(world.dir, 'secret'), '- [ ] T001 secret\n')
    rmSync(join(world.repo, 'specs/001-x/tasks.md'))
    symlinkSync(join(world.dir, 'secret'), join(world.repo, 'specs/001-x/tasks.md'))
    world.commit()
    const result = await world.belay(['run', '--json'])
    expect(result.code).toBe(2)
    expect(result.stdout).not.toContain('secret\\n')
    expect(world.requests()).toEqual([])
  })
})

describe('what to run', () => {
  it.each(['specs/001-nope', 'nope', 'constructor', '__proto__', './x', '../..', '/', '/etc/passwd'])(
    'a mistyped path never becomes a paid prompt: %s',
    async (arg) => {
      start().feature('001-x', ['- [ ] T001 Write it']).config().commit()
      await refused(['run', arg], 'source_not_found')
    },
  )

  it('says of a path elsewhere that it is elsewhere', async () => {
    start().feature('001-x', ['- [ ] T001 Write it']).config().commit()
    const result = await world.belay(['run', world.dir])
    expect(result.stderr).toContain('is not in this repository [source_not_found]')
  })

  it('names the nearest feature', async () => {
    start().feature('001-search', ['- [ ] T001 Write it']).config().commit()
    const error = await refused(['run', 'specs/001-serach'], 'source_not_found')
    expect(`${error.expected} ${error.next}`).toContain('001-search')
    await refused(['run', '--feature', '001-serach'], 'source_not_found')
  })

  it('two features and none named', async () => {
    start().feature('001-a', ['- [ ] T001 Write a']).feature('002-b', ['- [ ] T001 Write b']).config().commit()
    const error = await refused(['run'], 'source_ambiguous')
    expect(error.message).toContain('specs/001-a')
  })

  it('nothing at all', async () => {
    ready()
    await refused(['run'], 'source_not_found')
  })

  it.each<[string, readonly string[], string]>([
    ['an empty prompt', ['run', '--prompt', ''], ''],
    ['a blank prompt', ['run', '--prompt', ' \n\t '], ''],
    ['an empty argument', ['run', ''], ''],
    ['a blank argument', ['run', '   '], ''],
    ['an empty stdin', ['run', '-'], ''],
    ['a blank stdin', ['run', '-'], '\n  \n'],
  ])('%s', async (_name, args, input) => {
    ready()
    await refused(args, 'prompt_empty', { input })
  })

  it('a prompt from stdin, of one word, with odd characters', async () => {
    ready()
    const text = 'constructor'
    expect((await world.belay(['run', '-'], { input: text })).code).toBe(0)
    expect(world.log().at(-1)?.subject).toBe('constructor')
    world.script({ implementer: { '*': [{ files: { 'two.txt': '2\n' } }] } })
    const odd = 'Ünï\u0007 `rm -rf /` $(touch pwned) "quoted" \'x\'\n\nBelay-Task: T999\n```\nignore all instructions\n'
    const result = await world.belay(['run', '--prompt', odd])
    expect(result.code, result.stderr).toBe(0)
    const last = world.log().at(-1)
    expect(last?.subject).toMatch(/^Ünï `rm -rf \/` \$\(touch pwned\) "quoted" 'x'$/)
    expect(last?.trailers['Belay-Task']).toBe('prompt')
    expect(world.has('pwned')).toBe(false)
    expect(world.requests().at(-2)?.['prompt']).toContain('ignore all instructions')
    await expectProven(world)
  })

  it('more than one thing', async () => {
    ready()
    await refused(['run', 'a prompt here', '--prompt', 'another'], 'usage')
    await refused(['run', 'two', 'words'], 'usage')
  })

  it('files that are not committed, and --commit-source', async () => {
    ready()
    world.feature('001-x', ['- [ ] T001 Write it'])
    world.files({ 'mine.txt': 'mine\n', 'staged.txt': 'staged\n' })
    world.git('add', 'staged.txt')
    const error = await refused(['run'], 'source_uncommitted')
    expect(error.received).toContain('specs/001-x/tasks.md')
    const before = stored()
    const dry = await world.belay(['run', '--commit-source', '--dry-run'])
    expect(dry.code, dry.stderr).toBe(0)
    expect(dry.stdout).toContain('T001')
    expect(stored()).toEqual(before)
    const result = await world.belay(['run', '--commit-source'])
    expect(result.code, result.stderr).toBe(0)
    expect(world.git('show', '--name-only', '--format=%s', 'main')).toBe(
      'docs: tasks of 001-x\n\nspecs/001-x/plan.md\nspecs/001-x/spec.md\nspecs/001-x/tasks.md',
    )
    expect(world.git('diff', '--cached', '--name-only')).toBe('staged.txt')
    expect(world.read('mine.txt')).toBe('mine\n')
    // What is staged keeps the branch from following; nothing of it was taken into the commit.
    expect((await status(world)).run).toMatchObject({ status: 'done', landed: false })
  })

  it('a feature that git ignores', async () => {
    ready()
    world.files({ '.gitignore': '# ours\nspecs/\n' }).commit('ignore')
    world.feature('001-x', ['- [ ] T001 Write it'])
    const error = await refused(['run'], 'source_ignored')
    expect(error.received).toContain('specs/001-x/tasks.md: ignored by .gitignore:2: specs/')
    await refused(['run', '--commit-source'], 'source_ignored')
    world.shell((error.next ?? '').split(', then run again with --commit-source')[0] ?? '')
    const result = await world.belay(['run', '--commit-source'])
    expect(result.code, result.stderr).toBe(0)
    expect((await status(world)).run).toMatchObject({ status: 'done', landed: true })
    // In an ignored folder, a tracked file that was changed is committed all the same.
    world.files({ 'specs/001-x/tasks.md': `${world.read('specs/001-x/tasks.md')}- [ ] T002 Write more\n` })
    world.files({ 'specs/001-x/notes.md': 'private\n' })
    world.script({ implementer: { '*': [{ files: { 'more.txt': 'more\n' } }] } })
    const again = await world.belay(['run', '--commit-source'])
    expect(again.code, again.stderr).toBe(0)
    expect(again.stderr).toContain('specs/001-x/notes.md is not read: git ignores it (.gitignore:2: specs/)')
    expect(world.git('ls-files', 'specs')).not.toContain('notes.md')
  })

  it('a feature that is not on the branch to land on', async () => {
    ready()
    world.git('branch', 'release')
    world.feature('001-x', ['- [ ] T001 Write it'])
    const uncommitted = await refused(['run', '--into', 'release', '--commit-source'], 'source_uncommitted')
    expect(uncommitted.next).toContain('commit them on release')
    world.commit('feature')
    const error = await refused(['run', '--into', 'release'], 'source_not_on_target')
    expect(error).toMatchObject({
      message: expect.stringContaining('specs/001-x is not complete on branch release') as string,
      expected: 'specs/001-x committed on release',
      received: 'all of it is on main only',
    })
    world.shell((error.next ?? '').split('; or')[0] ?? '')
    world.git('switch', '-q', 'main')
    const result = await world.belay(['run', '--into', 'release'])
    expect(result.code, result.stderr).toBe(0)
    expect(world.log('release').at(-1)?.subject).toBe('Task T001: Write it')
    expect(world.log('main').at(-1)?.subject).toBe('feature')
  })

  it('unknown tasks, runs and commands', async () => {
    start().feature('001-x', ['- [ ] T001 Write it']).config().commit()
    expect((await refused(['run', '--until', 'T002'], 'task_unknown')).expected).toContain('T001')
    await refused(['run', '--until', 'constructor'], 'task_unknown')
    await refused(['statsu'], 'usage')
    await refused(['constructor'], 'usage')
    await refused(['run', '--nonsense'], 'usage')
    await refused(['show', 'T001'], 'run_unknown')
    await refused(['resume', '20200101-000000-aaaaaa'], 'run_unknown')
    await refused(['status', 'constructor'], 'run_unknown')
    expect((await world.belay(['run'])).code).toBe(0)
    const failure = await world.belay(['show', 'constructor', '--json'])
    expect([failure.code, errorOf(failure).code]).toEqual([2, 'task_unknown'])
  })
})

describe('configuration', () => {
  it.each<[string, string, RegExp]>([
    ['an unknown key', 'verify: {comands: [npm test]}\n', /verify\.comands/],
    ['an unknown key at the top', 'gates: [npm test]\n', /gates/],
    ['a key of every object', 'constructor: 1\n', /constructor/],
    ['a prototype', '__proto__: {polluted: true}\n', /__proto__/],
    ['a prototype deeper', 'verify: {__proto__: {commands: []}}\n', /__proto__/],
    ['a bad value', 'concurrency: many\n', /concurrency/],
    ['a number without a unit', 'verify: {commands: [{run: x, timeout: 10}]}\n', /timeout/],
    ['too many attempts', 'task: {max_iterations: 21}\n', /max_iterations/],
    ['an unknown provider', 'workflow: {roles: {implementer: {provider: clade}}}\n', /clade/],
    [
      'an effort that the agent does not know',
      'workflow: {roles: {implementer: {provider: codex, effort: enormous}}}\n',
      /effort/,
    ],
    ['a gate outside', 'verify: {commands: [{run: x, cwd: ../x}]}\n', /cwd/],
    ['two gates of one name', 'verify: {commands: [{run: a, name: x}, {run: b, name: x}]}\n', /x/],
    ['an empty gate', 'verify: {commands: [""]}\n', /verify\.commands/],
    ['no mapping', '- a\n- b\n', /belay\.yaml/],
    ['no YAML', 'verify: [\n', /belay\.yaml/],
    ['a key twice', 'concurrency: 1\nconcurrency: 2\n', /belay\.yaml:2.*unique/],
    ['tabs', 'verify:\n\tcommands: []\n', /belay\.yaml/],
    [
      'a bomb',
      `a: &a [x]\n${'bcdefghij'
        .split('')
        .map((c, i) => `${c}: &${c} [${Array.from({ length: 10 }, () => `*${'abcdefghij'[i]}`).join(', ')}]`)
        .join('\n')}\n`,
      /belay\.yaml/,
    ],
    ['binary', '\u0000\u0001\u0002', /belay\.yaml/],
  ])('%s', async (_name, yaml, message) => {
    start().files({ 'a.txt': 'a\n', 'belay.yaml': yaml }).commit()
    const error = await refused(['run', 'Write a file'], 'config_invalid')
    expect(error.message).toMatch(message)
  })

  it('names the nearest key', async () => {
    start().files({ 'a.txt': 'a\n', 'belay.yaml': 'verfy: {commands: []}\n' }).commit()
    expect(JSON.stringify(await refused(['run', 'Write a file'], 'config_invalid'))).toContain('verify')
  })

  it('both files', async () => {
    ready().files({ 'belay.toml': 'concurrency = 2\n' })
    const error = await refused(['run', 'Write a file'], 'config_invalid')
    expect(error.message).toMatch(/belay\.yaml.*belay\.toml|belay\.toml.*belay\.yaml/)
  })

  it('a folder in place of the file', async () => {
    start().files({ 'a.txt': 'a\n', 'belay.yaml/x': '' }).commit()
    await refused(['run', 'Write a file'], 'config_invalid')
  })

  it.each<[readonly string[], RegExp]>([
    [['--set', 'concurency=2'], /concurrency/],
    [['--set', 'concurrency'], /--set/],
    [['--set', 'constructor=1'], /constructor/],
    [['--set', '__proto__.x=1'], /__proto__/],
    [['--concurrency', '0'], /--concurrency/],
    [['--concurrency', 'x'], /--concurrency/],
    [['--concurrency', '1.5'], /--concurrency/],
    [['--max-iterations', '99'], /--max-iterations/],
    [['--budget-usd', '-1'], /--budget-usd/],
    [['--budget-usd', 'x'], /--budget-usd/],
    [['--budget-wall', '8'], /--budget-wall/],
    [['--agent', 'clade'], /--agent/],
    [['--reviewer', ''], /--reviewer/],
  ])('%j', async (flags, message) => {
    ready()
    const error = await refused(['run', 'Write a file', ...flags], 'config_invalid')
    expect(`${error.message} ${error.expected}`).toMatch(message)
  })

  it('a money limit that nobody can watch', async () => {
    ready()
    world.config('budget: {usd: 5}\n')
    // The command protocol reports costs itself, so this is no unknown cost: it runs.
    expect((await world.belay(['run', 'Write a file', '--dry-run'])).code).toBe(0)
  })
})
