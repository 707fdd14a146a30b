/** Where people and programs keep keys and logins: sandboxes hide these places, and the command policy denies their use. */

/** In the home folder: keys, logins, histories and browser data. Files, or folders with all that is in them. */
const LOGINS = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.oci',
  '.kube',
  '.config/gcloud',
  '.config/gh',
  '.config/glab-cli',
  '.config/hub',
  '.config/op',
  '.config/github-copilot',
  '.config/sops',
  '.config/.wrangler',
  '.config/rclone',
  '.config/doctl',
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
  'Library/Application Support/Google/Chrome Beta',
  'Library/Application Support/Google/Chrome Canary',
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
  '.m2/settings-security.xml',
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
  '.claude.json',
  '.local/share/opencode/auth.json',
] as const

/**
 * Folders in the home folder that hold logins beside what everyday commands use (skills, plugins, programs): a sandbox hides the
 * whole folder, the policy denies only these paths in it.
 */
const MIXED: Readonly<Record<string, readonly string[]>> = {
  '.docker': ['config.json', 'contexts/tls'],
  '.config/containers': ['auth.json'],
  '.config/belay': [],
  '.fly': ['config.yml'],
  '.claude': ['.credentials.json'],
  '.codex': ['auth.json', '.credentials.json'],
  '.gemini': ['oauth_creds.json', 'mcp-oauth-tokens.json', '.env'],
  '.pi': ['agent/auth.json'],
}

/** What a sandbox hides in the home folder, relative to it. */
export const HIDDEN_AT_HOME: readonly string[] = [...LOGINS, ...Object.keys(MIXED)]

/** What no command may use in the home folder, relative to it: each path is one of `HIDDEN_AT_HOME`, or in one. */
export const SECRET_AT_HOME: readonly string[] = [
  ...LOGINS,
  ...Object.entries(MIXED).flatMap(([folder, paths]) => paths.map((path) => `${folder}/${path}`)),
]

/** Outside the home folder: files that only root can read, in case root runs Belay. */
export const SECRET_OF_THE_MACHINE: readonly string[] = [
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/sudoers',
  '/etc/sudoers.d',
  '/etc/krb5.keytab',
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
