import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { isWithin, real } from '../../sandbox/paths.ts'
import { secretPaths } from '../../sandbox/secrets.ts'
import { knownPaths } from './known.ts'
import type { OwnPaths } from '../port.ts'

type Env = Readonly<Record<string, string>>

/** What starts other programs: the name that counts is the next one. */
const RUNNERS =
  /^(sh|bash|dash|zsh|env|nice|nohup|stdbuf|timeout|exec|node|nodejs|bun|bunx|deno|npx|npm|pnpm|pnpx|yarn|tsx|ts-node|uv|uvx|pipx|python[\d.]*|ruby|perl|java|run|dlx|x|tool|-.*|\w+=.*|[\d.]+[smhd]?)$/

/**
 * What a program of the user's own has outside of the workspace, as far as its command line tells: the paths named there, and
 * its places where it is an agent that Belay knows, else the folders that bear its name where such folders are by custom: only
 * what is there, and nothing that is a secret of somebody else's, which has to be named (`sandbox.read`).
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

/** The words of a command line; of text for a shell, those that are plain. */
function wordsOf(command: readonly string[]): string[] {
  return command.flatMap((word) => (/\s/.test(word) ? word.split(/[\s"'`;&|<>()$]+/) : [word]))
}

function nameOf(words: readonly string[]): string | null {
  const word = words.find((one) => one !== '' && !RUNNERS.test(one.slice(one.lastIndexOf('/') + 1)))
  const base = word?.slice(word.lastIndexOf('/') + 1).replace(/@.*$/, '')
  const name = base?.replace(/\.(m|c)?[jt]s$|\.(py|sh|rb|pl|exe)$/, '') ?? ''
  return /^\w[\w.-]+$/.test(name) ? name : null
}

/** A program brings what lies beside it. What lies beside a file in a folder for everybody is not its own. */
function around(path: string): string {
  if (statSync(path).isDirectory()) return path
  const folder = dirname(path)
  return ['/', '/tmp', '/var/tmp', '/run', '/dev', homedir()].includes(real(folder)) ? path : folder
}
