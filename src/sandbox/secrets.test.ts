import { expect, it } from 'vitest'
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
