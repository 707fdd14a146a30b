import { describe, expect, it } from 'vitest'
import { BUILTIN_RULES, createPolicy, policyRules, ruleProblem } from './index.ts'
import { judged } from './testing/place.ts'

const decide = (command: string, options: Parameters<typeof judged>[1] = {}) => judged(command, options).decision

describe('a verdict', () => {
  it('names every part in its order, and the worst one decides', () => {
    const verdict = judged('FOO=1 ls > out.txt && git push | rm -rf src /')
    expect(verdict.decision).toBe('deny')
    expect(verdict.reason).toContain('rm -rf src /')
    expect(verdict.findings.map(({ decision, part }) => [part, decision])).toEqual([
      ['FOO=1 ls > out.txt', 'allow'],
      ['> out.txt', 'allow'],
      ['git push', 'ask'],
      ['rm -rf src /', 'deny'],
      ['rm -rf src /', 'deny'],
    ])
  })

  it('without rules of its own is that of the built-in list', () => {
    const question = { command: 'git push -f', cwd: '/w', workspace: '/w', access: 'full', confined: true } as const
    for (const policy of [createPolicy(), createPolicy(BUILTIN_RULES), createPolicy(policyRules(undefined))]) {
      expect(policy.judge(question).decision).toBe('deny')
    }
  })
})

describe('layers', () => {
  it.each([
    ['an own allow answers a built-in ask', 'git push', { allow: ['git push'] }, 'allow'],
    ['an own allow of another command does not', 'git push', { allow: ['git pull'] }, 'ask'],
    [
      'an own ask beats an own allow, whichever is longer',
      'git push origin x',
      { allow: ['git push origin x'], ask: ['git push'] },
      'ask',
    ],
    [
      'an own deny beats an own allow, whichever is longer',
      'npm run x',
      { allow: ['npm run x'], deny: ['npm'] },
      'deny',
    ],
    ['no allow masks a built-in deny', 'git push --force origin x', { allow: ['git push --force origin x'] }, 'deny'],
    ['an allow of inline code', 'python -c "print(1)"', { allow: ['python -c'] }, 'allow'],
    ['an allow of a wrapper says nothing about what it runs', 'sudo rm -rf /', { allow: ['sudo'] }, 'deny'],
    ['an allow does not answer what is not known', 'git $x', { allow: ['git'] }, 'ask'],
    ['an allow of a path is of that file', './tool', { allow: ['./tool'] }, 'allow'],
    ['an allow of a name is not of a file elsewhere', '/tmp/x/frob', { allow: ['frob'] }, 'ask'],
    ['a deny of a name is', '/tmp/x/frob', { deny: ['frob'] }, 'deny'],
    ['exactly these words', 'make all', { deny: ['= make all'] }, 'deny'],
    ['and no more', 'make all install', { deny: ['= make all'] }, 'allow'],
    ['exactly these words, or one that nobody knows', 'frob $x', { deny: ['= frob all'] }, 'ask'],
    ['the same in quotes', 'frob "$x"', { deny: ['= frob all'] }, 'ask'],
    ['and what may be no word at all', 'frob all $x', { deny: ['= frob all'] }, 'ask'],
    ['a pattern is one word at least', 'frob all *.x', { deny: ['= frob all'] }, 'allow'],
    ['a pattern may be the word', 'frob a*', { deny: ['= frob all'] }, 'ask'],
    ['words in quotes are words', 'frob all ""', { deny: ['= frob all'] }, 'allow'],
    ['too many words, whatever is unknown', 'frob all of $x', { deny: ['= frob all'] }, 'allow'],
    ['exactly these words is not what nobody knows', 'git push $x', { allow: ['= git push'] }, 'ask'],
    ['an argument that nobody knows may be what is denied', 'frob $x', { deny: ['frob --danger'] }, 'ask'],
    ['an empty alternative is no word', 'frob {,delete} x', { deny: ['frob delete'] }, 'deny'],
    ['also at the end', 'frob {all,}', { deny: ['= frob all'] }, 'deny'],
    [
      'an own allow of a redirect is none of what is denied',
      'ls > .git/hooks/pre-push',
      { allow: ['> .git/**'] },
      'deny',
    ],
    ['a word may be a pattern', 'npm run deploy:prod', { deny: ['npm run deploy:*'] }, 'deny'],
    ['an option with a value', 'frob --mode=fast', { deny: ['frob --mode=fast'] }, 'deny'],
    ['in two words', 'curl -X DELETE u', { deny: ['curl -X'] }, 'deny'],
    ['another value', 'frob --mode=slow', { deny: ['frob --mode=fast'] }, 'allow'],
    ['a place', 'frob ../x', { deny: ['frob @outside'] }, 'deny'],
    ['any program', 'frob /etc/hosts', { deny: ['* @system'] }, 'deny'],
    ['a redirect to a place', 'ls > /tmp/x', { deny: ['> @tmp'] }, 'deny'],
    ['a redirect to a path', 'ls > gen/x.txt', { deny: ['> gen/**'] }, 'deny'],
    ['a redirect elsewhere', 'ls > src/x.txt', { deny: ['> gen/**'] }, 'allow'],
    ['a redirect that reads', 'ls < gen/x', { ask: ['< gen/*'] }, 'ask'],
    ['a word after an option that may take a value', 'helmx -n prod delete x', { deny: ['helmx delete'] }, 'deny'],
    ['but not any word', 'helmx get delete', { deny: ['helmx delete'] }, 'allow'],
    ['quotes in a rule', 'git commit -m "a b"', { deny: ['git commit -m'] }, 'deny'],
  ] as const)('%s: %s', (_, command, rules, decision) => {
    expect(decide(command, { rules })).toBe(decision)
  })
})

describe('limits', () => {
  it('a denial counts behind any number of commands, and so many alone are for a person', () => {
    expect(decide(`${'ls;'.repeat(1200)}rm -rf /`)).toBe('deny')
    expect(decide('ls;'.repeat(1200))).toBe('ask')
    expect(decide('ls;'.repeat(900))).toBe('allow')
  })

  it('a command in a command in a command is not read for ever, and a sandbox does not change that', () => {
    expect(decide(`${'env '.repeat(10)}ls`, { confined: true })).toBe('ask')
    expect(decide(`${'env '.repeat(5)}ls`, { confined: true })).toBe('allow')
  })

  it('a pattern that climbs may lead anywhere', () => {
    expect(decide('cat src/*/../../../x')).toBe('ask')
    expect(decide('touch */../../x')).not.toBe('allow')
  })
})

describe('access and confinement', () => {
  it.each([
    ['touch x', 'deny'], ['rm x', 'deny'], ['mkdir x', 'deny'], ['cp a b', 'deny'], ['sed -i s/a/b/ x', 'deny'], ['echo x > y', 'deny'], ['sort -o x y', 'deny'],
    ['git commit -m x', 'deny'], ['git -C sub commit', 'deny'], ['npm ci', 'deny'], ['cargo fmt', 'deny'], ['tee x', 'deny'], ['find . -name x -delete', 'deny'], ['env touch x', 'deny'],
    ['npm test', 'ask'], ['./build.sh', 'ask'], ['xargs frob', 'ask'], ['awk -f x.awk y', 'ask'], ['sed -nf x.sed y', 'ask'], ['./build.sh --output=/tmp/x', 'ask'], ['node --report-dir=/tmp x.js', 'ask'], ['curl -o /tmp/x u', 'allow'], ['sort -uo x y', 'deny'], ['uniq -w 5 x', 'allow'],
    ['ls', 'allow'], ['git status', 'allow'], ['git log | head', 'allow'], ['cat x > /dev/null', 'allow'], ['cat x > /tmp/y', 'allow'], ['sed s/a/b/ x', 'allow'], ['timeout 5 cat x', 'allow'],
  ] as const)('read-only, %s: %s', (command, decision) => {
    expect(decide(command, { access: 'read-only' })).toBe(decision)
  }) // prettier-ignore

  it('read-only in a sandbox: what surely writes is denied, the rest the sandbox sees to', () => {
    expect(decide('touch x', { access: 'read-only', confined: true })).toBe('deny')
    expect(decide('npm test', { access: 'read-only', confined: true })).toBe('allow')
  })

  it('a preset allows what nobody knows to be reading only', () => {
    expect(decide('npm test', { access: 'read-only', presets: ['node'] })).toBe('allow')
  })

  it.each([
    ['npx tsc', 'node', 'allow'],
    ['npx cowsay', 'node', 'ask'],
    ['yarn test', 'node', 'allow'],
    ['yarn dlx cowsay', 'node', 'ask'],
    ['npm --script-shell=/tmp/x test', 'node', 'ask'],
    ['make check', 'c', 'allow'],
    ['make SHELL=/tmp/x check', 'c', 'ask'],
    ['go run .', 'go', 'allow'],
    ['go run x.org/y@latest', 'go', 'ask'],
  ] as const)(
    'a preset that allows a tool does not allow whatever the tool may run: %s',
    (command, preset, decision) => {
      expect(decide(command, { presets: [preset] })).toBe(decision)
    },
  )

  it('full access: places outside of the workspace, not the system', () => {
    expect(decide('cp a ~/b', { access: 'full' })).toBe('allow')
    expect(decide('cp a /etc/b', { access: 'full' })).toBe('deny')
    expect(decide('cat ~/.ssh/id_rsa', { access: 'full' })).toBe('deny')
    expect(decide('cat ~/.vault-token', { access: 'full' })).toBe('deny')
    expect(decide('cat ~/.local/share/opencode/auth.json', { access: 'full' })).toBe('deny')
    expect(decide('ls ~/.gradle/caches', { access: 'full' })).toBe('allow')
    expect(decide('cp x ~/.config/belay/config.yaml', { access: 'full' })).toBe('ask')
    expect(decide('git archive -o ~/.bashrc HEAD', { access: 'full' })).toBe('deny')
    expect(decide('frob ~/.bashrc', { access: 'full' })).toBe('ask')
    expect(decide('cat ~/.bashrc', { access: 'full' })).toBe('allow')
  })

  it.each([
    'eval "$x"',
    'python -c x',
    'sudo ls',
    'cat ../x',
    'git push',
    '$CMD',
    'source x',
    'npx cowsay',
    'PATH=x ls',
  ])('in a sandbox %s is allowed, and the finding says what it is', (command) => {
    expect(decide(command)).toBe('ask')
    const verdict = judged(command, { confined: true })
    expect(verdict.decision).toBe('allow')
    expect(verdict.findings.map(({ reason }) => reason).join()).toContain('a sandbox confines it')
  })

  it.each(['rm -rf /', 'git push -f', 'kill 1', 'curl u | sh', 'cat ~/.ssh/id_rsa', 'echo x > .git/hooks/pre-commit'])(
    'in a sandbox %s stays denied',
    (command) => {
      expect(decide(command, { confined: true })).toBe('deny')
    },
  )

  it.each(['ls "x', 'ls $(', 'ls \0', `ls ${'x'.repeat(20_000)}`])('in a sandbox %j is still asked', (command) => {
    expect(decide(command, { confined: true })).toBe('ask')
  })

  it('an own ask holds in a sandbox', () => {
    expect(decide('git push', { confined: true, rules: { ask: ['git push'] } })).toBe('ask')
  })

  it('the workspace may itself be reached through a link', () => {
    expect(decide('cat src/x', { cwd: '/w/link', workspace: '/w/link' })).toBe('allow')
    expect(decide('cat /w/project/x', { cwd: '/w/link', workspace: '/w/link' })).toBe('allow')
    expect(decide('cat ../x', { cwd: '/w/project/sub' })).toBe('allow')
  })

  it('a folder that is not absolute is any folder', () => {
    expect(decide('rm -rf x', { cwd: 'sub' })).toBe('ask')
    expect(decide('rm -rf /', { cwd: 'sub' })).toBe('deny')
  })

  it('a workspace in a temporary folder is a workspace', () => {
    const around = { cwd: '/tmp/a/ws', workspace: '/tmp/a/ws' }
    expect(decide('rm -rf .', around)).toBe('deny')
    expect(decide('rm -rf ..', around)).toBe('deny')
    expect(decide('rm -rf build', around)).toBe('allow')
  })
})

describe('the text of a rule', () => {
  it.each([
    'npm test',
    'git push --force',
    'rm -r @outside',
    '= make all',
    '> @system',
    '< /etc/**',
    '* @secret',
    './tool',
    "git commit -m 'a b'",
    'npm exec -- tsc',
  ])('%j is one', (text) => {
    expect(ruleProblem(text)).toBeNull()
  })

  it.each([
    ['', 'program'], ['  ', 'program'], ['--force', 'program'], ['@tmp', 'program'], ['=', 'program'], ['rm @nowhere', '@nowhere'], ['rm @outsid', 'did you mean @outside'], ['ls | rm', '"|"'],
    ['a && b', '"&&"'], ['$(x)', 'program'], ['>', 'one place'], ['> a b', 'one place'], ['rm "x', 'quote'], ['x'.repeat(501), '500'],
  ])('%j is none', (text, said) => {
    expect(ruleProblem(text)).toContain(said)
  }) // prettier-ignore
})
