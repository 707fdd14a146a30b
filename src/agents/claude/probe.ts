import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { randomId } from '../../core/ids.ts'
import { head } from '../../core/text.ts'
import { resolveProgram, spawnKept } from '../../process/index.ts'
import type { Probe } from '../port.ts'
import { asFrame, jsonOrNull } from '../stdio/index.ts'

const VERSION_MS = 15_000

/** Variables that are a login by themselves. */
const LOGINS = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_VERTEX',
  'CLAUDE_CODE_USE_FOUNDRY',
]

/** Looks for the program, its version and a login, on this machine only. Never throws. */
export async function probeClaude(
  env: Readonly<Record<string, string>>,
  command: readonly string[] | null,
): Promise<Probe> {
  const [program = 'claude', ...args] = command ?? []
  const path = resolveProgram(program, process.cwd(), env.PATH)
  const loggedIn = isLoggedIn(env)
  if (path === null) {
    const hint = `${JSON.stringify(program)} was not found: npm install -g @anthropic-ai/claude-code`
    return { installed: false, path: null, version: null, loggedIn, hint }
  }
  const version = await versionOf([path, ...args], env)
  const hint =
    version === null
      ? `${path} --version gave no version: try it in a terminal`
      : loggedIn === false
        ? 'log in with `claude` and /login, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN'
        : process.getuid?.() === 0 && !env.IS_SANDBOX
          ? 'as root Claude Code runs unattended only with IS_SANDBOX=1 in its environment'
          : null
  return { installed: true, path, version, loggedIn, hint }
}

async function versionOf(argv: readonly string[], env: Readonly<Record<string, string>>): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined
  try {
    const mark = `probe/${randomId(8)}`
    const kept = spawnKept({ argv: [...argv, '--version'], cwd: process.cwd(), env, stdin: 'none', mark })
    timer = setTimeout(() => void kept.end(), VERSION_MS)
    kept.stderr.resume()
    const [printed, exit] = await Promise.all([text(kept.stdout), kept.closed])
    return exit.code === 0 ? (/\d+\.\d+\.\d+\S*/.exec(head(printed, 1000))?.[0] ?? null) : null
  } catch {
    return null // it could not even be started: the hint says to try it
  } finally {
    clearTimeout(timer)
  }
}

/** Where it keeps its login, settings and conversations. */
export function claudePaths(env: Readonly<Record<string, string>>): string[] {
  const home = env['HOME'] ?? homedir()
  return [env['CLAUDE_CONFIG_DIR'] ?? join(home, '.claude'), join(home, '.claude.json')]
}

/** null: macOS may keep the login in its keychain, which asks a person before it is read. */
function isLoggedIn(env: Readonly<Record<string, string>>): boolean | null {
  if (LOGINS.some((name) => env[name] !== undefined && env[name] !== '')) return true
  const folder = env.CLAUDE_CONFIG_DIR ?? (env.HOME === undefined ? null : join(env.HOME, '.claude'))
  if (folder !== null) {
    if (existsSync(join(folder, '.credentials.json'))) return true
    if (hasKeyHelper(join(folder, 'settings.json'))) return true
  }
  return process.platform === 'darwin' ? null : false
}

function hasKeyHelper(settings: string): boolean {
  try {
    return typeof asFrame(jsonOrNull(readFileSync(settings, 'utf8'))).apiKeyHelper === 'string'
  } catch {
    return false // no settings, or not ours to read
  }
}
