import { describe, expect, it } from 'vitest'
import { argvOf, environmentOf, promptOf } from './launch.ts'
import { turnRequest } from '../testing/request.ts'

describe('argvOf', () => {
  it('keeps values of others from becoming flags', () => {
    const argv = argvOf(turnRequest({ model: '--help', effort: '-x', resume: '--print' }))
    expect(argv).toEqual(expect.arrayContaining(['--model=--help', '--effort=-x', '--resume=--print']))
    expect(argv.filter((arg) => ['--help', '-x', '--print'].includes(arg))).toEqual([])
  })

  it('offers no tool that writes and no project settings when read-only', () => {
    const argv = argvOf(turnRequest({ access: 'read-only' }))
    expect(argv).toEqual(expect.arrayContaining(['--tools=Read,Grep,Glob', '--setting-sources=user']))
    expect(argv.join(' ')).not.toContain('bypassPermissions')
    expect(argvOf(turnRequest())).toContain('--permission-mode=bypassPermissions')
  })

  it('asks when somebody is there to answer', () => {
    const approve = (): Promise<never> => Promise.reject(new Error('not called'))
    expect(argvOf(turnRequest({ approve }))).toContain('--permission-mode=default')
    expect(argvOf(turnRequest({ approve, access: 'full' }))).toContain('--permission-mode=default')
    expect(argvOf(turnRequest({ approve, access: 'read-only' }))).toContain('--permission-mode=dontAsk')
  })

  it('leaves the dialect out of the schema', () => {
    const argv = argvOf(
      turnRequest({ outputSchema: { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' } }),
    )
    expect(argv).toContain('--json-schema={"type":"object"}')
  })

  it('puts a command in the place of the program', () => {
    expect(argvOf(turnRequest()).slice(0, 2)).toEqual(['claude', '-p'])
    expect(argvOf(turnRequest({ command: ['/opt/claude', 'wrapped'] })).slice(0, 3)).toEqual([
      '/opt/claude',
      'wrapped',
      '-p',
    ])
  })
})

describe('environmentOf', () => {
  it('lets the request overrule the defaults', () => {
    const env = { CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '0', HOME: '/h' }
    expect(environmentOf(turnRequest({ env }))).toEqual({ ...env, DISABLE_AUTOUPDATER: '1' })
  })
})

describe('promptOf', () => {
  it('disarms a leading slash and leaves everything else', () => {
    expect(promptOf('/clear')).toBe('\n/clear')
    expect(promptOf('a /clear')).toBe('a /clear')
  })
})
