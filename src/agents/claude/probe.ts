import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { OwnPaths, Probe } from '../port.ts'
import { probeProgram, type Program } from '../probe.ts'
import { asFrame, jsonOrNull } from '../stdio/index.ts'

/** Variables that are a login on their own. */
const LOGINS = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_VERTEX',
  'CLAUDE_CODE_USE_FOUNDRY',
]

const PROGRAM: Program = {
  argv: ['claude'],
  install: 'npm install -g @anthropic-ai/claude-code',
  tested: '2.1.329',
  loggedIn: isLoggedIn,
  login: 'log in with `claude` and /login, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN',
  hint: (env) =>
    process.getuid?.() === 0 && !env.IS_SANDBOX
      ? 'as root Claude Code runs unattended only with IS_SANDBOX=1 in its environment'
      : null,
}

/** Checks the program, its version and its login, on this machine only. Throws only as `sayOf` does. */
export function probeClaude(env: Readonly<Record<string, string>>, command: readonly string[] | null): Promise<Probe> {
  return probeProgram(PROGRAM, env, command)
}

/** Where Claude Code stores its login, settings and conversations. */
export function claudePaths(env: Readonly<Record<string, string>>): OwnPaths {
  const folder = folderOf(env)
  return {
    settings: [folder, join(homeOf(env), '.claude.json')],
    kept: ['projects', 'todos', 'tasks', 'plans', 'file-history'].map((name) => join(folder, name)),
    renewed: [join(folder, '.credentials.json')],
  }
}

/** The folder of all conversations; it has a subfolder for each working directory. */
export function conversationsIn(env: Readonly<Record<string, string>>): string {
  return join(folderOf(env), 'projects')
}

function folderOf(env: Readonly<Record<string, string>>): string {
  return env['CLAUDE_CONFIG_DIR'] ?? join(homeOf(env), '.claude')
}

function homeOf(env: Readonly<Record<string, string>>): string {
  return env['HOME'] ?? homedir()
}

/** Whether Claude Code has a login. null: on macOS it may be in the keychain, which would ask a person for permission. */
export function isLoggedIn(env: Readonly<Record<string, string>>): boolean | null {
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
    return false // no settings, or not readable
  }
}
