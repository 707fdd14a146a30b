import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The only settings that stay in a repository that was created in a sandbox. None of them makes git run a program. */
const HARMLESS = [
  /^core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol|worktree|sharedrepository)$/,
  /^extensions\.(objectformat|refstorage|worktreeconfig|partialclone|compatobjectformat)$/,
  /^remote\..+\.(url|pushurl|fetch|tagopt|promisor|partialclonefilter)$/,
  /^branch\..+\.(remote|merge|rebase)$/,
  /^submodule\..+\.(url|active|branch)$/,
  /^submodule\.active$/,
  /^user\.(name|email)$/,
  /^init\.defaultbranch$/,
]

/** A remote that names a program (a remote helper) instead of a place. */
const RUNS = /^[A-Za-z0-9]+::/

/**
 * Removes everything from a git folder that makes git run a program: hooks, and all but harmless settings. Returns what was
 * removed, for people. No other process may write there meanwhile. Safe to repeat.
 */
export function disarm(gitDir: string): readonly string[] {
  const took: string[] = []
  for (const name of ['config', 'config.worktree']) took.push(...cleanConfig(join(gitDir, name)))
  const hooks = join(gitDir, 'hooks')
  const found = lstatSync(hooks, { throwIfNoEntry: false })
  if (found === undefined) return took
  if (!found.isDirectory()) {
    rmSync(hooks)
    return [...took, hooks]
  }
  for (const name of readdirSync(hooks).filter((one) => !one.endsWith('.sample'))) {
    rmSync(join(hooks, name), { recursive: true, force: true })
    took.push(join(hooks, name))
  }
  return took
}

function cleanConfig(file: string): readonly string[] {
  const found = lstatSync(file, { throwIfNoEntry: false })
  if (found === undefined) return []
  if (!found.isFile()) {
    rmSync(file, { recursive: true, force: true })
    return [file]
  }
  const all = settingsOf(file)
  if (all === null) {
    rmSync(file)
    return [file]
  }
  const bad = all.filter(([key, value]) => !isHarmless(key, value))
  if (bad.length === 0) return []
  const kept = all.filter(([key, value]) => isHarmless(key, value))
  const next = `${file}.belay`
  rmSync(next, { recursive: true, force: true })
  writeFileSync(next, kept.map(([key, value]) => line(key, value)).join(''), { flag: 'wx' })
  renameSync(next, file)
  return bad.map(([key]) => `${key} in ${file}`)
}

function isHarmless(key: string, value: string | null): boolean {
  return HARMLESS.some((pattern) => pattern.test(key)) && !RUNS.test(value ?? '')
}

type Setting = readonly [key: string, value: string | null]

/** The settings of a file as git itself reads them, without includes; null: git cannot read the file, which is then removed. */
function settingsOf(file: string): readonly Setting[] | null {
  const env = { PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' }
  try {
    const out = execFileSync('git', ['config', '--no-includes', '-z', '--list', '--file', file], {
      cwd: '/',
      env,
      encoding: 'utf8',
      maxBuffer: 16 << 20,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return out
      .split('\0')
      .filter((entry) => entry !== '')
      .map((entry) => {
        const end = entry.indexOf('\n')
        return end === -1 ? [entry, null] : [entry.slice(0, end), entry.slice(end + 1)]
      })
  } catch {
    return null
  }
}

function line(key: string, value: string | null): string {
  const first = key.indexOf('.')
  const last = key.lastIndexOf('.')
  const sub = first === last ? '' : ` "${key.slice(first + 1, last).replace(/["\\]/g, '\\$&')}"`
  const text = value?.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t')
  return `[${key.slice(0, first)}${sub}]\n\t${key.slice(last + 1)}${text === undefined ? '' : ` = "${text}"`}\n`
}

/** Whether anything in a git folder that can make git run a program was created or changed at or after `time` (ms). */
export function changedSince(gitDir: string, time: number): boolean {
  const hooks = join(gitDir, 'hooks')
  const inHooks = existsSync(hooks) && lstatSync(hooks).isDirectory() ? readdirSync(hooks) : []
  const paths = [
    join(gitDir, 'config'),
    join(gitDir, 'config.worktree'),
    hooks,
    ...inHooks.map((one) => join(hooks, one)),
  ]
  return paths.some((path) => (lstatSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) >= time)
}
