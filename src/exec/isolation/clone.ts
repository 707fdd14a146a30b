import { mkdir, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { tail } from '../../core/text.ts'
import { endOrphans } from '../../git/orphans.ts'
import { git, tryGit } from '../../git/run.ts'
import { remoteOf, type Remote } from './credentials.ts'

export interface CloneRequest {
  /** May contain user and password, which are used but never stored. */
  readonly url: string
  readonly branch: string | null
  /** A commit, tag or branch to check out instead; overrides `branch`. */
  readonly ref: string | null
  /** Number of commits of history; null: all. */
  readonly depth: number | null
  readonly submodules: boolean
}

export interface Clone {
  /** Without user and password. */
  readonly url: string
  /** null: detached. */
  readonly branch: string | null
  readonly commit: string
}

/**
 * Clones a repository to `path` atomically; an existing clone of the same address is taken as it is. No secret is left on disk.
 * Throws `repository_url`, `clone_failed`, `workspace_taken`.
 */
export async function cloneRepository(request: CloneRequest, path: string): Promise<Clone> {
  const remote = remoteOf(request.url)
  for (const name of [request.branch, request.ref]) if (name !== null) checkName(name)
  if ((await stat(path).catch(() => null)) !== null) return existing(remote, path)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await removeHalves(path)
  const half = `${path}~${randomId(6)}`
  try {
    // A git that outlives this process is found by its working folder.
    await mkdir(half)
    await run(remote, cloneArgs(request, remote, half), half)
    if (request.ref !== null) await checkOut(remote, request, half)
    await rename(half, path)
  } catch (error) {
    await rm(half, { recursive: true, force: true })
    await rmdir(dirname(path)).catch(() => {}) // not empty: it has the folders of other parts
    throw error
  }
  return describe(remote, path)
}

/**
 * Removes what a killed clone left behind, including its git processes. Nobody else clones to this path meanwhile, because the
 * session is held.
 */
async function removeHalves(path: string): Promise<void> {
  const folder = await realpath(dirname(path))
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${basename(path)}~`))
  if (names.length === 0) return
  const halves = names.map((name) => join(folder, name))
  await endOrphans(halves)
  await Promise.all(halves.map((half) => rm(half, { recursive: true, force: true })))
}

function cloneArgs({ branch, ref, depth, submodules }: CloneRequest, { url }: Remote, to: string): string[] {
  return [
    'clone',
    '--quiet',
    ...(branch === null || ref !== null ? [] : [`--branch=${branch}`]),
    ...(depth === null ? [] : [`--depth=${depth}`]),
    // If another commit is checked out afterwards, submodules must be those of that commit.
    ...(submodules && ref === null
      ? ['--recurse-submodules', ...(depth === null ? [] : ['--shallow-submodules'])]
      : []),
    '--',
    url,
    to,
  ]
}

async function checkOut(remote: Remote, { ref, depth, submodules }: CloneRequest, at: string): Promise<void> {
  const wanted = ref ?? 'HEAD'
  const known = await tryGit(['rev-parse', '--verify', '--quiet', `refs/remotes/origin/${wanted}`], { cwd: at })
  if (known.code === 0) await run(remote, ['switch', '--quiet', wanted], at)
  else {
    const there = await tryGit(['cat-file', '-e', `${wanted}^{commit}`], { cwd: at })
    if (there.code !== 0) {
      await run(remote, ['fetch', '--quiet', ...(depth === null ? [] : [`--depth=${depth}`]), 'origin', wanted], at)
      await run(remote, ['switch', '--quiet', '--detach', 'FETCH_HEAD'], at)
    } else await run(remote, ['switch', '--quiet', '--detach', wanted], at)
  }
  if (submodules) await run(remote, ['submodule', '--quiet', 'update', '--init', '--recursive'], at)
}

async function existing(remote: Remote, path: string): Promise<Clone> {
  const found = await tryGit(['remote', 'get-url', 'origin'], { cwd: path })
  const url = found.stdout.toString('utf8').trim()
  if (found.code === 0 && url === remote.url) return describe(remote, path)
  throw new BelayError('workspace_taken', 'the workspace already holds something else', {
    expected: `a clone of ${remote.url}`,
    received: found.code === 0 ? `a clone of ${url}` : path,
    next: 'take another --session',
  })
}

async function describe({ url }: Remote, path: string): Promise<Clone> {
  const [head, commit] = await Promise.all([
    tryGit(['symbolic-ref', '--quiet', '--short', 'HEAD'], { cwd: path }),
    git(['rev-parse', '--verify', 'HEAD'], { cwd: path }),
  ])
  return { url, branch: head.code === 0 ? head.stdout.toString('utf8').trim() : null, commit }
}

async function run(remote: Remote, args: readonly string[], cwd: string): Promise<void> {
  const result = await tryGit([...remote.args, ...args], { cwd, env: remote.env })
  if (result.code === 0) return
  throw new BelayError(
    'clone_failed',
    `git could not get ${remote.url}: ${withoutSecrets(tail(result.stderr.trim(), 1500), remote)}`,
    {
      next: 'check the address, the branch and who may read it: https://USER:TOKEN@HOST/... is used and never stored',
    },
  )
}

function withoutSecrets(text: string, { env }: Remote): string {
  const secret = env['BELAY_GIT_PASSWORD'] ?? ''
  return secret === '' ? text : text.replaceAll(secret, '***').replaceAll(encodeURIComponent(secret), '***')
}

/** Refuses names that git could take for a flag or an expression. */
function checkName(name: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9._/-]*$/.test(name) && !name.includes('..')) return
  throw new BelayError('usage', 'that is not the name of a branch, tag or commit', { received: name })
}
