/** What the names in a path say about it. All paths are real paths: a link's own name means nothing. */

/** Source code and documentation may have words such as "secret" in their names. */
const CODE =
  /\.(ts|tsx|mts|cts|js|jsx|mjs|cjs|vue|svelte|py|pyi|rb|go|rs|java|kt|kts|scala|swift|c|h|cc|cpp|hpp|cs|php|pl|lua|ex|exs|erl|clj|hs|ml|dart|r|jl|sql|sh|bash|zsh|ps1|html|css|scss|md|mdx|rst|adoc|snap|proto|graphql|tf)$/i

const SECRET_NAMES =
  /^(\.env.*|.*\.env|.*\.(key|pem|crt|p12|pfx|jks|keystore|kdbx|ppk|token)|id_(rsa|dsa|ecdsa|ed25519)(_sk)?|\.netrc|_netrc|\.pgpass|\.git-credentials|\.pypirc|\.npmrc|\.htpasswd)$/i

/** Files that projects commit to document their variables. */
const SAMPLE = /^\.env.*\.(example|sample|template|dist|defaults?)$/i

const SECRET_WORDS = /(secret|credential|password|passwd)/i

/** Folders for credentials: every file in them is a secret. */
const SECRET_FOLDERS = new Set(['.ssh', '.gnupg', '.aws', '.azure', '.kube', '.docker', '.password-store'])

/** Files that shells, direnv, git or sshd read at their next start. */
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

/** Whether the file at `path` probably holds keys, passwords or tokens, judged by its names. */
export function isSecret(path: string): boolean {
  const names = namesOf(path)
  const name = names.at(-1) ?? ''
  if (names.slice(0, -1).some((folder) => SECRET_FOLDERS.has(folder.toLowerCase()))) return !name.endsWith('.pub')
  if (SAMPLE.test(name)) return false
  return SECRET_NAMES.test(name) || (SECRET_WORDS.test(name) && !CODE.test(name))
}

/** Whether `path` is in git's own folder (`.git`, in any spelling that some file system takes for it), or is that folder. */
export function isGitInternal(path: string): boolean {
  return namesOf(path).some((name) =>
    /^(\.git|git~1)$/i.test(name.replaceAll(/[\u200b-\u200f\u202a-\u202e\ufeff]/g, '')),
  )
}

/** Whether writing `path` changes what programs run or accept later. */
export function isStartFile(path: string): boolean {
  return START_FILES.has((namesOf(path).at(-1) ?? '').toLowerCase())
}

/** Whether `path` steers Belay itself: its configuration, or a project's agents, skills and MCP servers. */
export function isBelayFile(path: string): boolean {
  const names = namesOf(path.toLowerCase())
  return names.includes('.belay') || /^belay\.(yaml|yml|toml)$/.test(names.at(-1) ?? '')
}
