import { describe, expect, it } from 'vitest'
import { resolveGates } from './gates.ts'

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
