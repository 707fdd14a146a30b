import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { resolveProgram } from '../../process/index.ts'
import type { OwnPaths, Probe } from '../port.ts'

type Env = Readonly<Record<string, string>>

const PROBE_MS = 10_000

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

/** Looks for codex, its version, its login and (`whole`) whether its sandbox can run here. Never throws, makes no network call. */
export async function probeCodex(
  env: Env,
  command: readonly string[] | null,
  look: 'start' | 'whole' = 'whole',
): Promise<Probe> {
  const argv = locateCodex(env, command, process.cwd())
  if (argv === null) return { installed: false, path: null, version: null, loggedIn: null, hint: INSTALL_HINT }
  const path = argv[0] ?? null
  const [version, loggedIn, sandbox] = await Promise.all([
    run(argv, ['--version'], env),
    isLoggedIn(argv, env),
    look === 'whole' ? run(argv, ['sandbox', '--', 'true'], env) : null,
  ])
  if (version.code !== 0) {
    return {
      installed: false,
      path,
      version: null,
      loggedIn: null,
      hint: `${path} does not run: ${version.output}; ${INSTALL_HINT}`,
    }
  }
  const hints = [
    ...(loggedIn === false ? [LOGIN_HINT] : []),
    ...(sandbox === null || sandbox.code === 0
      ? []
      : [`codex's sandbox does not run here (${sandbox.output}): ${SANDBOX_HINT}`]),
  ]
  return {
    installed: true,
    path,
    version: /\d+\.\d+\.\d+\S*/.exec(version.output)?.[0] ?? null,
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
  const status = await run(argv, ['login', 'status'], env)
  if (status.code === 0) return true
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

interface Ran {
  readonly code: number
  readonly output: string
}

function run([program = '', ...first]: readonly string[], args: readonly string[], env: Env): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env: { ...env }, timeout: PROBE_MS, killSignal: 'SIGKILL', maxBuffer: 1 << 20 } as const
    const child = execFile(program, [...first, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      const output = (stdout.trim() || stderr.trim() || error?.message || '').split('\n', 1)[0] ?? ''
      resolve({ code, output })
    })
    child.stdin?.end()
  })
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
