import { readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { stateHome } from '../core/home.ts'
import { PathResolver, isWithin } from './paths.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** In the home folder: keys, logins, histories, and browser data. Missing paths need no hiding. */
const AT_HOME = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.oci',
  '.kube',
  '.docker',
  '.config/gcloud',
  '.config/gh',
  '.config/glab-cli',
  '.config/hub',
  '.config/op',
  '.config/github-copilot',
  '.config/sops',
  '.config/.wrangler',
  '.fly',
  '.config/rclone',
  '.config/doctl',
  '.config/containers',
  '.config/belay',
  '.config/google-chrome',
  '.config/chromium',
  '.config/BraveSoftware',
  '.mozilla',
  '.thunderbird',
  '.password-store',
  '.local/share/keyrings',
  '.local/share/kwalletd',
  'Library/Keychains',
  'Library/Cookies',
  'Library/Application Support/Google/Chrome',
  'Library/Application Support/Firefox',
  '.netrc',
  '.git-credentials',
  '.config/git/credentials',
  '.npmrc',
  '.yarnrc.yml',
  '.pypirc',
  '.cargo/credentials',
  '.cargo/credentials.toml',
  '.gem/credentials',
  '.composer/auth.json',
  '.config/composer/auth.json',
  '.m2/settings.xml',
  '.gradle/gradle.properties',
  '.terraform.d/credentials.tfrc.json',
  '.terraformrc',
  '.vault-token',
  '.s3cfg',
  '.boto',
  '.pgpass',
  '.my.cnf',
  '.bash_history',
  '.zsh_history',
  '.python_history',
  '.node_repl_history',
  '.psql_history',
  '.local/share/fish/fish_history',
  '.claude',
  '.claude.json',
  '.codex',
  '.gemini',
  '.pi',
  '.local/share/opencode/auth.json',
]

/** Outside the home folder: files that only root can read, in case root runs Belay. */
const OF_THE_MACHINE = [
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/sudoers',
  '/etc/sudoers.d',
  '/etc/ssl/private',
  '/etc/kubernetes',
  '/etc/rancher',
  '/etc/wireguard',
  '/etc/NetworkManager/system-connections',
  '/var/lib/docker',
  '/var/lib/containerd',
  '/var/lib/kubelet',
  '/var/spool/cron',
  '/var/mail',
]

/**
 * Paths that no confined program may read, whether they exist or not: Belay's record, keys and logins (also agents'), other
 * people's homes. Absolute paths; symbolic links are not followed.
 */
export function secretPaths(env: Environment = process.env, paths = new PathResolver()): readonly string[] {
  const home = env['HOME'] ?? homedir()
  const named = [
    'DOCKER_CONFIG',
    'KUBECONFIG',
    'GNUPGHOME',
    'AWS_SHARED_CREDENTIALS_FILE',
    'AWS_CONFIG_FILE',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'PGPASSFILE',
    'NETRC',
    'NPM_CONFIG_USERCONFIG',
    'npm_config_userconfig',
    'HISTFILE',
    'CLOUDSDK_CONFIG',
    'GH_CONFIG_DIR',
  ]
  return [
    stateHome(env),
    ...AT_HOME.map((path) => join(home, path)),
    ...named.flatMap(
      (name) => env[name]?.split(':').filter((path) => path.startsWith('/') && !path.startsWith('/dev/')) ?? [],
    ),
    ...hostKeys(),
    ...OF_THE_MACHINE,
    ...otherHomes(home, paths),
  ]
}

function hostKeys(): string[] {
  return entries('/etc/ssh').filter((path) => path.endsWith('_key'))
}

function otherHomes(home: string, paths: PathResolver): string[] {
  const ours = paths.real(home)
  const roots = process.platform === 'darwin' ? ['/Users'] : ['/home']
  const others = [...roots.flatMap(entries), '/root', '/var/root']
  return others.filter(
    (path) => !isWithin(ours, paths.real(path)) && !['/Users/Shared', '/home/linuxbrew'].includes(path),
  )
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch {
    return [] // missing, or not readable for us and so not for the sandbox either
  }
}
