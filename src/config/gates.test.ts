import { matchesGlob } from 'node:path'
import { describe, expect, it } from 'vitest'
import { resolveGates } from './gates.ts'
import { protectedPatterns } from './protected.ts'

function names(...commands: Parameters<typeof resolveGates>[0]): string[] {
  return resolveGates(commands).map((gate) => gate.name)
}

describe('names of gates', () => {
  it('are the commands, fit for a trailer, unique, and never one that was given', () => {
    expect(names('npm test', 'npm test', { run: 'x', name: 'npm test 2', timeout: '1m' }, 'npm test')).toEqual([
      'npm test',
      'npm test 3',
      'npm test 2',
      'npm test 4',
    ])
    expect(names('CI=1 npm test; echo\ndone')).toEqual(['CI 1 npm test echo done'])
    expect(names(';;', '=')).toEqual(['gate 1', 'gate 2'])
    expect(names({ run: ['go', 'test'], timeout: '1m', cwd: './api/' })).toEqual(['api: go test'])
    const long = 'x'.repeat(200)
    for (const name of names(long, long, 'word '.repeat(40))) expect(name.length).toBeLessThanOrEqual(60)
    expect(new Set(names(long, long, long)).size).toBe(3)
  })
})

describe('protected files', () => {
  it('are the configuration, CI, the scripts that gates name, and the user’s own', () => {
    const gates = resolveGates([
      'npm test',
      'sh ./scripts/check.sh --all && python tools/verify.py ../outside.sh',
      { run: ['bin/run-tests', 'a/b'], timeout: '1m', cwd: 'api' },
    ])
    const patterns = protectedPatterns(gates, ['own/**'])
    const isProtected = (path: string): boolean => patterns.some((pattern) => matchesGlob(path, pattern))
    for (const path of [
      'belay.yaml',
      '.github/workflows/ci.yml',
      'package.json',
      'scripts/check.sh',
      'tools/verify.py',
      'api/bin/run-tests',
      'own/deep/file',
      '.belay/guards/a.md',
    ]) {
      expect(isProtected(path), path).toBe(true)
    }
    for (const path of ['src/index.ts', 'api/package.json', 'outside.sh', 'README.md']) {
      expect(isProtected(path), path).toBe(false)
    }
  })
})
