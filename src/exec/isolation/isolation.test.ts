import { describe, expect, it } from 'vitest'
import { remoteOf } from './credentials.ts'
import { partSession } from './parts.ts'
import { resolveWorkspace } from './workspace-path.ts'
import { MAIN } from './workspace.ts'

const NOBODY = { session: null, workflowRun: null, agentRun: null }

describe('resolveWorkspace', () => {
  it.each([
    [{ ...NOBODY, session: 's' }, undefined, '/b/session/s'],
    [{ session: 's', workflowRun: 'w', agentRun: 'a' }, undefined, '/b/session/s'],
    [{ ...NOBODY, workflowRun: 'w', agentRun: 'a' }, 'per-workflow', '/b/workflow/w'],
    [{ ...NOBODY, agentRun: 'a' }, 'per-workflow', '/b/run/a'],
    [{ session: 's', workflowRun: 'w', agentRun: 'a' }, 'per-run', '/b/run/a'],
    [{ ...NOBODY, session: 's' }, 'per-run', '/b/session/s'],
    [{ session: 's', workflowRun: 'w', agentRun: 'a' }, 'shared', '/b'],
    [NOBODY, undefined, '/b'],
  ] as const)('%j %s is %s', (owner, mode, path) => {
    expect(resolveWorkspace('/b', owner, mode)).toBe(path)
  })

  it.each(['..', '.', 'a/b', '../x', ''])('an id %j leads nowhere', (id) => {
    for (const owner of [
      { ...NOBODY, session: id },
      { ...NOBODY, workflowRun: id },
      { ...NOBODY, agentRun: id },
    ])
      expect(() => resolveWorkspace('/b', owner)).toThrow('not a session id')
  })
})

describe('remoteOf', () => {
  it('takes user and password out of an address and gives them to git alone', () => {
    const remote = remoteOf('https://me:s%2Fecret@example.com:8443/a/b.git')
    expect(remote.url).toBe('https://example.com:8443/a/b.git')
    expect(remote.env).toMatchObject({ BELAY_GIT_USERNAME: 'me', BELAY_GIT_PASSWORD: 's/ecret' })
    expect(remote.args.join(' ')).not.toContain('ecret')
    expect(remote.args[1]).toBe('credential.helper=')
    expect(remote.args[3]).toMatch(/^credential\.https:\/\/example\.com:8443\.helper=!f\(\)/)
  })

  it.each([
    '/srv/a.git',
    '../a',
    'git@example.com:a/b.git',
    'ssh://git@example.com/a',
    'https://example.com/a',
    'file:///a',
  ])('leaves %s as it is, with the helpers of the user', (url) => {
    expect(remoteOf(url)).toEqual({ url, args: [], env: { GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh' } })
  })

  it.each(['', '-x', 'ext::sh -c id', 'ftp://x/y', 'http://u:hidden@[bad', 'ssh://me:hidden@x/y', 'a\nb'])(
    'refuses %j, without telling a password',
    (url) => {
      expect(() => remoteOf(url)).toThrow('not the address of a repository')
      try {
        remoteOf(url)
      } catch (error) {
        expect(JSON.stringify(error)).not.toContain('hidden')
      }
    },
  )
})

describe('partSession', () => {
  it('is a session of its own beside the whole', () => {
    expect(partSession('s', 'left')).toBe('s.left')
  })

  it.each(['', MAIN, 'a.b', '.', '..', '../x', 'a/b', 'a b'])('refuses %j', (part) => {
    expect(() => partSession('s', part)).toThrow(/part cannot be called|not a session id/)
  })
})
