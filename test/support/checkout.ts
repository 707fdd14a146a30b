import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Copies the files that are committed or about to be (none that git ignores) to `to`, as a fresh clone would have them. */
export function copyCheckout(to: string): void {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  for (const path of list.split('\0')) {
    if (path === '' || !existsSync(join(ROOT, path))) continue
    mkdirSync(dirname(join(to, path)), { recursive: true })
    cpSync(join(ROOT, path), join(to, path))
  }
}

/**
 * The environment of a user who has just logged in: PATH without the folders that npm adds for its scripts, and without the
 * variables of this test run. npm's cache and registry stay.
 */
export function userEnv(home: string): Record<string, string> {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((at) => !/node_modules|node-gyp-bin/.test(at))
  const kept = [
    'npm_config_registry',
    'NPM_CONFIG_REGISTRY',
    'npm_config_cache',
    'SSL_CERT_FILE',
    'NODE_EXTRA_CA_CERTS',
    'HTTPS_PROXY',
    'HTTP_PROXY',
  ]
  return {
    PATH: path.join(delimiter),
    HOME: home,
    TZ: 'UTC',
    ...npmSettings(),
    ...Object.fromEntries(kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
  }
}

/** This user's npm settings and cache, which a new home would not have. */
function npmSettings(): Record<string, string> {
  const ask = (key: string): string =>
    execFileSync('npm', ['config', 'get', key], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  return { npm_config_userconfig: ask('userconfig'), npm_config_cache: ask('cache') }
}
