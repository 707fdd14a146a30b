import { expect, it } from 'vitest'
import { HIDDEN_AT_HOME, SECRET_AT_HOME, SECRET_OF_THE_MACHINE } from '../core/secret-files.ts'
import { createPolicy } from '../policy/index.ts'
import { isWithin } from './paths.ts'
import { secretPaths } from './secrets.ts'

it.each([
  'GOOGLE_APPLICATION_CREDENTIALS',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'PGPASSFILE',
  'NETRC',
  'NPM_CONFIG_USERCONFIG',
  'HISTFILE',
  'KUBECONFIG',
])('hides the file that %s names, never a device', (name) => {
  expect(secretPaths({ HOME: '/h' })).not.toContain('/srv/keys')
  expect(secretPaths({ HOME: '/h', [name]: '/srv/keys' })).toContain('/srv/keys')
  expect(secretPaths({ HOME: '/h', [name]: '/dev/null' })).not.toContain('/dev/null')
})

it('hides logins of deployments and assistants at home', () => {
  const paths = secretPaths({ HOME: '/h' })
  for (const path of ['.config/github-copilot', '.config/sops', '.config/.wrangler', '.fly']) {
    expect(paths).toContain(`/h/${path}`)
  }
})

it('homes of other people are secrets, and one’s own is none', () => {
  const [root] = process.platform === 'darwin' ? ['/var/root'] : ['/root']
  expect(secretPaths({ HOME: '/home/belay-nobody' })).toContain(root)
  expect(secretPaths({ HOME: root })).not.toContain(root)
  // Nor if the home is inside that folder.
  expect(secretPaths({ HOME: `${root}/inside` })).not.toContain(root)
})

it('hides every place that the policy denies, and the policy denies every hidden one that holds nothing but logins', () => {
  const hidden = secretPaths({ HOME: '/h' })
  const policy = createPolicy(undefined, {
    home: '/h',
    state: '/h/state',
    config: '/h/.config/belay',
    readLink: () => null,
  })
  const denied = (path: string): boolean => {
    const question = { command: `cat '${path}'`, cwd: '/w', workspace: '/w', access: 'full', confined: true } as const
    return policy.judge(question).reason.includes('builtin/secrets')
  }
  const secrets = [...SECRET_AT_HOME.map((path) => `/h/${path}`), ...SECRET_OF_THE_MACHINE]
  for (const path of secrets) {
    expect.soft(denied(path), path).toBe(true)
    expect.soft(denied(`${path}/below`), path).toBe(true)
    expect.soft(denied(`${path}.other`), path).toBe(false)
    expect
      .soft(
        hidden.some((folder) => isWithin(path, folder)),
        path,
      )
      .toBe(true)
  }
  // These hold what agents and tools need beside logins; what is a login in them is denied above.
  const mixed = ['.docker', '.config/containers', '.config/belay', '.fly', '.claude', '.codex', '.gemini', '.pi']
  expect(HIDDEN_AT_HOME.filter((path) => !denied(`/h/${path}`))).toEqual(mixed)
  expect(hidden).toEqual(
    expect.arrayContaining([...HIDDEN_AT_HOME.map((path) => `/h/${path}`), ...SECRET_OF_THE_MACHINE]),
  )
})
