/** What a path's names say about it. All of it is by real path: a link's own name means nothing. */

/** Source code and documentation may speak of secrets in their names. */
const CODE =
  /\.(ts|tsx|mts|cts|js|jsx|mjs|cjs|vue|svelte|py|pyi|rb|go|rs|java|kt|kts|scala|swift|c|h|cc|cpp|hpp|cs|php|pl|lua|ex|exs|erl|clj|hs|ml|dart|r|jl|sql|sh|bash|zsh|ps1|html|css|scss|md|mdx|rst|adoc|snap|proto|graphql|tf)$/i

const SECRET_NAMES =
  /^(\.env.*|.*\.env|.*\.(key|pem|crt|p12|pfx|jks|keystore|kdbx|ppk|token)|id_(rsa|dsa|ecdsa|ed25519)(_sk)?|\.netrc|_netrc|\.pgpass|\.git-credentials|\.pypirc|\.npmrc|\.htpasswd)$/i

/** What projects commit so that people know which variables there are. */
const SAMPLE = /^\.env.*\.(example|sample|template|dist|defaults?)$/i

const SECRET_WORDS = /(secret|credential|password|passwd)/i

/** Folders of logins: every file in them. */
const SECRET_FOLDERS = new Set(['.ssh', '.gnupg', '.aws', '.azure', '.kube', '.docker', '.password-store'])

/** Files that a shell or git runs or reads for whoever works there next. */
const START_FILES = new Set([
  '.bashrc',
  '.bash_profile',
  '.bash_login',
  '.bash_logout',
  '.profile',
  '.zshrc',
  '.zshenv',
  '.zprofile',
  '.zlogin',
  '.envrc',
  '.gitconfig',
  'authorized_keys',
])

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '')
}

/** Whether the file at `path` probably holds keys, passwords or tokens. */
export function isSecret(path: string): boolean {
  const names = namesOf(path)
  const name = names.at(-1) ?? ''
  if (names.slice(0, -1).some((folder) => SECRET_FOLDERS.has(folder.toLowerCase()))) return !name.endsWith('.pub')
  if (SAMPLE.test(name)) return false
  return SECRET_NAMES.test(name) || (SECRET_WORDS.test(name) && !CODE.test(name))
}

/** Whether `path` is git's own (`.git`, in any spelling that a file system may take for it), or inside. */
export function isGitInternal(path: string): boolean {
  return namesOf(path).some((name) =>
    /^(\.git|git~1)$/i.test(name.replaceAll(/[\u200b-\u200f\u202a-\u202e\ufeff]/g, '')),
  )
}

/** Whether writing `path` changes what runs on the machine later. */
export function isStartFile(path: string): boolean {
  return START_FILES.has((namesOf(path).at(-1) ?? '').toLowerCase())
}

/** Whether `path` is what Belay itself is told by: its configuration, and agents, skills and servers of the project. */
export function isBelayFile(path: string): boolean {
  const names = namesOf(path.toLowerCase())
  return names.includes('.belay') || /^belay\.(yaml|yml|toml)$/.test(names.at(-1) ?? '')
}
