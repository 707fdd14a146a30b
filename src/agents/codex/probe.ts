import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { resolveProgram } from '../../process/index.ts'
import type { OwnPaths, Probe } from '../port.ts'
import { isOlder, sayOf } from '../probe.ts'

type Env = Readonly<Record<string, string>>

/** The version that Belay is tested with. */
const TESTED = '0.169.0'

export const INSTALL_HINT = 'install Codex with: npm install -g @openai/codex'
export const LOGIN_HINT = 'log in with: codex login (or set OPENAI_API_KEY)'
export const SANDBOX_HINT =
  'allow user namespaces (see https://developers.openai.com/codex/concepts/sandboxing), or set workflow.roles.<role>.access: full where the machine itself is the sandbox'

/** Path and leading arguments of codex; null: no executable was found. */
export function locateCodex(env: Env, command: readonly string[] | null, cwd: string): readonly string[] | null {
  const [name = 'codex', ...args] = command ?? []
  const program = resolveProgram(name, cwd, env['PATH'])
  return program === null ? null : [program, ...args]
}

/**
 * Checks codex, its version, its login and, with `whole`, whether its sandbox works here. Throws only as `sayOf` does; makes no
 * network call.
 */
export async function probeCodex(
  env: Env,
  command: readonly string[] | null,
  look: 'start' | 'whole' = 'whole',
): Promise<Probe> {
  const argv = locateCodex(env, command, process.cwd())
  if (argv === null) return { installed: false, path: null, version: null, loggedIn: null, hint: INSTALL_HINT }
  const path = argv[0] ?? null
  const [version, loggedIn, sandbox] = await Promise.all([
    sayOf([...argv, '--version'], env),
    isLoggedIn(argv, env),
    look === 'whole' ? sayOf([...argv, 'sandbox', '--', 'true'], env) : null,
  ])
  const named = /\d+\.\d+\.\d+\S*/.exec(version.stdout)?.[0] ?? null
  if (version.problem !== null || named === null) {
    return {
      installed: false,
      path,
      version: null,
      loggedIn: null,
      hint: `${path} --version failed: ${version.problem ?? 'it named no version'}; ${INSTALL_HINT}`,
    }
  }
  const hints = [
    ...(loggedIn === false ? [LOGIN_HINT] : []),
    ...(isOlder(named, TESTED)
      ? [`version ${named} is older than what Belay is tested with (${TESTED}): ${INSTALL_HINT}`]
      : []),
    ...(sandbox === null || sandbox.problem === null
      ? []
      : [`codex's sandbox does not run here (${sandbox.problem}): ${SANDBOX_HINT}`]),
  ]
  return {
    installed: true,
    path,
    version: named,
    loggedIn,
    hint: hints.length === 0 ? null : hints.join('; '),
  }
}

/**
 * `codex login status` only checks stored logins. A key in the environment counts as a login too, because the adapter passes it
 * on. A provider in the user's config.toml may need none, which only a call would show: null.
 */
async function isLoggedIn(argv: readonly string[], env: Env): Promise<boolean | null> {
  if (apiKeyOf(env) !== null) return true
  const status = await sayOf([...argv, 'login', 'status'], env)
  if (status.problem === null) return true
  return existsSync(join(codexHome(env), 'config.toml')) ? null : false
}

/** The key that is used if codex has no stored login. */
export function apiKeyOf(env: Env): string | null {
  return env['CODEX_API_KEY'] || env['OPENAI_API_KEY'] || null
}

/** The folder of codex's login, settings and conversations. */
export function codexHome(env: Env): string {
  return env['CODEX_HOME'] || join(env['HOME'] || homedir(), '.codex')
}

/** Where codex stores its login, settings and conversations. */
export function codexPaths(env: Readonly<Record<string, string>>): OwnPaths {
  const folder = codexHome(env)
  return {
    settings: [folder],
    kept: ['sessions', 'archived_sessions'].map((name) => join(folder, name)),
    renewed: [join(folder, 'auth.json')],
  }
}
