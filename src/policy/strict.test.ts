/** What the preset `strict` decides: the allow-list mode for unattended work on one project. */
import { describe, expect, it } from 'vitest'
import { judged } from './testing/place.ts'

const many = (count: number): string => Array.from({ length: count }, () => 'x').join(' ')

const ALLOW = [
  'ls -la', 'cat a | grep b', 'npm test && git status', 'cd x; ls', 'FOO=1 ls', '/usr/bin/ls', '! ls',
  'echo "a;b"', "git log --format='%h; x'",
  'for f in a; do ls; done', 'if true; then ls; fi',
  'pkill node', "pkill -f 'node server.js'", 'pkill -9 vite',
  'chmod +x f', 'chmod u+x f', 'chmod ug+x a b',
  './init.sh', './start.sh', './start.sh dev', `./start.sh test ${many(49)}`,
] // prettier-ignore

const DENY = [
  'rm -rf /', 'curl u', 'sudo ls', "bash -c '..'", 'env rm x', 'xargs rm', 'kill 1', 'killall node', 'sh x.sh',
  'ls | rm x', 'ls & rm x', 'FOO=1 rm x',
  'echo $(whoami)', 'echo `id`', 'cat <(ls)', '(ls)', 'ls >(cat)',
  'ls\nrm -rf /', 'ls &rm -rf x', 'echo "a";rm -rf x',
  'for f in a; do rm x; done', 'if rm x; then ls; fi', 'if true; then ls; else rm x; fi',
  'pkill -9 bash', 'pkill', 'echo x | pkill bash', 'pkill node && pkill bash', 'chmod +x a && chmod 777 b', 'pkill bash node',
  'chmod 777 f', 'chmod +w f', 'chmod -R +x .', 'chmod +x',
  'init.sh', 'bash init.sh', '/abs/init.sh', '/w/project/init.sh', '../init.sh', './start.sh deploy', './start.sh test ../x',
  `./start.sh test ${many(50)}`, `./start.sh test ${'x'.repeat(1001)}`, "./start.sh test 'a;b'", './start.sh test "$x"',
  'ls "x', "ls 'x", 'ls \0', `ls ${'x'.repeat(9998)}`,
  'echo hi > /etc/passwd', 'cp a /etc/x', 'cat ../../secret', 'cat /etc/passwd', 'cat out/passwd',
  '/tmp/evil/ls', './ls',
  'node -e "x"', 'git push --force', 'git clean -fdx', 'git -c core.pager=x log',
  'pytest', 'python -m pytest', 'go test ./...', 'cargo test', 'npx tsc', 'sed s/a/b/ f', 'find .', 'mv a b', 'date -u',
] // prettier-ignore

describe('strict', () => {
  it.each(ALLOW)('allows %j', (command) => {
    expect(judged(command, { presets: ['strict'] })).toMatchObject({ decision: 'allow' })
  })

  it.each(DENY)('denies %j', (command) => {
    const verdict = judged(command, { presets: ['strict'] })
    expect(verdict.decision).toBe('deny')
    expect(verdict.reason.length).toBeGreaterThan(10)
    expect(judged(command, { presets: ['strict'], confined: true }).decision).toBe('deny')
  })

  it('denies a script that is a link out of the workspace', () => {
    expect(judged('./init.sh', { presets: ['strict'], cwd: '/w/project/linked' }).decision).toBe('deny')
  })

  it.each([
    ['pytest', 'python'],
    ['python -m pytest', 'python'],
    ['go test ./...', 'go'],
    ['cargo test', 'rust'],
    ['npx tsc', 'node'],
    ['mvn -q test', 'java'],
    ['dotnet test', 'dotnet'],
    ['bundle exec rspec', 'ruby'],
    ['./vendor/bin/phpunit', 'php'],
    ['make check', 'c'],
    ['swift test', 'swift'],
    ['mix test', 'elixir'],
    ['sed s/a/b/ f', 'shell'],
    ['find . -name x', 'shell'],
    ['mv a b', 'shell'],
    ['date -u', 'shell'],
  ] as const)('allows %j with the preset %s', (command, preset) => {
    const shell =
      preset === 'ruby' || preset === 'node' ? (['strict', preset, 'ruby'] as const) : (['strict', preset] as const)
    expect(judged(command, { presets: shell })).toMatchObject({ decision: 'allow' })
  })
})
