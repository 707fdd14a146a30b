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

/** Program and leading arguments of codex, or null when there is none that can be run. */
export function locateCodex(env: Env, command: readonly string[] | null, cwd: string): readonly string[] | null {
  const [name = 'codex', ...args] = command ?? []
  const program = resolveProgram(name, cwd, env['PATH'])
  return program === null ? null : [program, ...args]
}

/**
 * Looks for codex, its version, its login and (`whole`) whether its sandbox can run here. Never throws, makes no network call.
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
 * `codex login status` looks at stored logins only. A key in the environment is a login too, as the adapter hands it over.
 * A provider of the user's own (config.toml) may need none: not known without a call.
 */
async function isLoggedIn(argv: readonly string[], env: Env): Promise<boolean | null> {
  if (apiKeyOf(env) !== null) return true
  const status = await sayOf([...argv, 'login', 'status'], env)
  if (status.problem === null) return true
  return existsSync(join(codexHome(env), 'config.toml')) ? null : false
}

/** The key that logs codex in when nothing else does. */
export function apiKeyOf(env: Env): string | null {
  return env['CODEX_API_KEY'] || env['OPENAI_API_KEY'] || null
}

/** Where it keeps its login, settings and conversations. */
export function codexHome(env: Env): string {
  return env['CODEX_HOME'] || join(env['HOME'] || homedir(), '.codex')
}

/** Where it keeps its login, settings and conversations. */
export function codexPaths(env: Readonly<Record<string, string>>): OwnPaths {
  const folder = codexHome(env)
  return {
    settings: [folder],
    kept: ['sessions', 'archived_sessions'].map((name) => join(folder, name)),
    renewed: [join(folder, 'auth.json')],
  }
}
