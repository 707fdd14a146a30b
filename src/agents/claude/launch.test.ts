import { describe, expect, it } from 'vitest'
import type { TurnRequest } from '../port.ts'
import { ALONE } from '../turn.ts'
import { argvOf, environmentOf, promptOf } from './launch.ts'

function request(more: Partial<TurnRequest> = {}): TurnRequest {
  return {
    role: 'implementer',
    prompt: 'do it',
    outputSchema: null,
    cwd: '/tmp',
    env: {},
    model: null,
    effort: null,
    access: 'workspace-write',
    command: null,
    resume: null,
    task: { handle: 'T001', title: 'A task' },
    attempt: 1,
    run: 'r',
    mark: 'r/T001',
    signal: new AbortController().signal,
    graceMs: 1000,
    ...ALONE,
    ...more,
  }
}

describe('argvOf', () => {
  it('keeps values of others from becoming flags', () => {
    const argv = argvOf(request({ model: '--help', effort: '-x', resume: '--print' }))
    expect(argv).toEqual(expect.arrayContaining(['--model=--help', '--effort=-x', '--resume=--print']))
    expect(argv.filter((arg) => ['--help', '-x', '--print'].includes(arg))).toEqual([])
  })

  it('offers no tool that writes and no project settings when read-only', () => {
    const argv = argvOf(request({ access: 'read-only' }))
    expect(argv).toEqual(expect.arrayContaining(['--tools=Read,Grep,Glob', '--setting-sources=user']))
    expect(argv.join(' ')).not.toContain('bypassPermissions')
    expect(argvOf(request())).toContain('--permission-mode=bypassPermissions')
  })

  it('asks when somebody is there to answer', () => {
    const approve = (): Promise<never> => Promise.reject(new Error('not called'))
    expect(argvOf(request({ approve }))).toContain('--permission-mode=default')
    expect(argvOf(request({ approve, access: 'full' }))).toContain('--permission-mode=default')
    expect(argvOf(request({ approve, access: 'read-only' }))).toContain('--permission-mode=dontAsk')
  })

  it('leaves the dialect out of the schema', () => {
    const argv = argvOf(
      request({ outputSchema: { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' } }),
    )
    expect(argv).toContain('--json-schema={"type":"object"}')
  })

  it('puts a command in the place of the program', () => {
    expect(argvOf(request()).slice(0, 2)).toEqual(['claude', '-p'])
    expect(argvOf(request({ command: ['/opt/claude', 'wrapped'] })).slice(0, 3)).toEqual([
      '/opt/claude',
      'wrapped',
      '-p',
    ])
  })
})

describe('environmentOf', () => {
  it('lets the request overrule the defaults', () => {
    const env = { CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '0', HOME: '/h' }
    expect(environmentOf(request({ env }))).toEqual({ ...env, DISABLE_AUTOUPDATER: '1' })
  })
})

describe('promptOf', () => {
  it('disarms a leading slash and leaves everything else', () => {
    expect(promptOf('/clear')).toBe('\n/clear')
    expect(promptOf('a /clear')).toBe('a /clear')
  })
})
