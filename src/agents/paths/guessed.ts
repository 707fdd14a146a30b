import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { isWithin, real } from '../../sandbox/paths.ts'
import { secretPaths } from '../../sandbox/secrets.ts'
import { knownPaths } from './known.ts'
import type { OwnPaths } from '../port.ts'

type Env = Readonly<Record<string, string>>

/** Programs and arguments that only start another program: the name that counts comes after them. */
const RUNNERS =
  /^(sh|bash|dash|zsh|env|nice|nohup|stdbuf|timeout|exec|node|nodejs|bun|bunx|deno|npx|npm|pnpm|pnpx|yarn|tsx|ts-node|uv|uvx|pipx|python[\d.]*|ruby|perl|java|run|dlx|x|tool|-.*|\w+=.*|[\d.]+[smhd]?)$/

/**
 * Guesses what the user's own program needs outside the workspace. That is every existing path in its command line, plus the
 * folders of a known agent, or else the folders that by convention bear the program's name. Only existing paths count, and none
 * that overlap with the secrets of other programs: those must be configured (`sandbox.read`).
 */
export function guessedPaths(env: Env, command: readonly string[] | null): OwnPaths {
  const words = wordsOf(command ?? [])
  const home = env['HOME'] ?? homedir()
  const name = nameOf(words)
  const folder = (variable: string, ...custom: readonly string[]): string => env[variable] ?? join(home, ...custom)
  const under = (root: string): string[] => (name === null ? [] : [join(root, name)])
  const secrets = secretPaths(env).map(real)
  const isFree = (path: string): boolean =>
    existsSync(path) && !secrets.some((secret) => isWithin(real(path), secret) || isWithin(secret, real(path)))
  const read = [...new Set(words.filter((word) => isAbsolute(word) && existsSync(word)).map(around))].filter(isFree)
  const known = name === null ? null : knownPaths(name, env)
  if (known !== null) return { ...known, read: [...(known.read ?? []), ...read] }
  return {
    settings: [
      ...under(folder('XDG_CONFIG_HOME', '.config')),
      ...under(folder('XDG_DATA_HOME', '.local', 'share')),
      ...under(folder('XDG_CACHE_HOME', '.cache')),
      ...(name === null ? [] : [join(home, `.${name}`)]),
    ].filter(isFree),
    kept: under(folder('XDG_STATE_HOME', '.local', 'state')).filter(isFree),
    renewed: [],
    read,
  }
}

/** The words of a command line. Shell text is split at blanks, quotes and operators. */
function wordsOf(command: readonly string[]): string[] {
  return command.flatMap((word) => (/\s/.test(word) ? word.split(/[\s"'`;&|<>()$]+/) : [word]))
}

function nameOf(words: readonly string[]): string | null {
  const word = words.find((one) => one !== '' && !RUNNERS.test(one.slice(one.lastIndexOf('/') + 1)))
  const base = word?.slice(word.lastIndexOf('/') + 1).replace(/@.*$/, '')
  const name = base?.replace(/\.(m|c)?[jt]s$|\.(py|sh|rb|pl|exe)$/, '') ?? ''
  return /^\w[\w.-]+$/.test(name) ? name : null
}

/** A program may need the files beside it. A file in a shared folder stands alone. */
function around(path: string): string {
  if (statSync(path).isDirectory()) return path
  const folder = dirname(path)
  return ['/', '/tmp', '/var/tmp', '/run', '/dev', homedir()].includes(real(folder)) ? path : folder
}
