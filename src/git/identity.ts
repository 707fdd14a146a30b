import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { BelayError } from '../core/errors.ts'
import { tail } from '../core/text.ts'
import { killQuietly } from '../process/index.ts'
import { git, gitEnv, tryGit } from './run.ts'

export interface Person {
  readonly name: string
  readonly email: string
}

export interface Identity {
  readonly author: Person
  readonly committer: Person
}

/**
 * The user's identity for commits, as git would use it in `root`. Only configured values count, because git's guess from login
 * and host name would put a wrong name into history. Throws `identity_missing` with the commands that configure it.
 */
export async function identity(root: string): Promise<Identity> {
  const idents = await askIdents(root, ['-c', 'user.useConfigOnly=true'])
  const [author, committer] = idents.map(personOf)
  if (author && committer) {
    known.set(root, Promise.resolve(idents))
    return { author, committer }
  }
  throw unknown(author ? 'no committer' : 'no author')
}

/** Author and committer as git writes them into a commit, `NAME <EMAIL> SECONDS ZONE`; empty if git knows none. */
type Idents = readonly [author: string, committer: string]

const known = new Map<string, Promise<Idents>>()

/** The idents for commits in `root`, with the time of the first call (`identity` counts); cached. Throws `identity_missing`. */
export async function identsOf(root: string): Promise<Idents> {
  const found = known.get(root) ?? askIdents(root, []).then(refuseUnknown)
  known.set(root, found)
  found.catch(() => known.delete(root))
  return found
}

async function askIdents(root: string, settings: readonly string[]): Promise<Idents> {
  const [author, committer] = await Promise.all(
    ['GIT_AUTHOR_IDENT', 'GIT_COMMITTER_IDENT'].map(async (variable) => {
      const result = await tryGit([...settings, 'var', variable], { cwd: root })
      return result.code === 0 ? result.stdout.toString('utf8').replace(/\n$/, '') : ''
    }),
  )
  return [author ?? '', committer ?? '']
}

function refuseUnknown(idents: Idents): Idents {
  if (idents.every((one) => one !== '')) return idents
  throw unknown(idents[0] === '' ? 'no author' : 'no committer')
}

function personOf(ident: string): Person | null {
  const [, name, email] = /^(.*?) <([^>]*)> \d+ [+-]\d{4}$/s.exec(ident) ?? []
  return name !== undefined && email !== undefined && name !== '' ? { name, email } : null
}

function unknown(received: string): BelayError {
  return new BelayError('identity_missing', 'git does not know who you are, so nothing can be committed in your name', {
    expected: 'user.name and user.email in the git configuration',
    received,
    next: 'git config --global user.name "Your Name" && git config --global user.email you@example.com',
  })
}

/** How long a signature without user interaction may take. Smart cards may be slow; waiting for a person takes longer. */
const SIGNING_DEADLINE_MS = 20_000

/** How long after git has ended its stderr is still read. */
const DRAIN_MS = 200

/** Without these variables a signing program cannot ask the user: it fails at once, or waits until the deadline. */
const ASKING = new Set(['GPG_TTY', 'DISPLAY', 'WAYLAND_DISPLAY', 'PINENTRY_USER_DATA', 'SSH_ASKPASS_REQUIRE'])

/**
 * Whether to sign commits in `root`: true if commit.gpgsign is on and a trial commit (not stored in the repository) can be
 * signed without asking the user. Throws `signing_failed` if it cannot; the user can then set `git.sign: off`.
 */
export async function checkSigning(root: string, deadlineMs: number = SIGNING_DEADLINE_MS): Promise<boolean> {
  const wanted = await tryGit(['config', '--type=bool', '--get', 'commit.gpgsign'], { cwd: root })
  if (wanted.stdout.toString('utf8').trim() !== 'true') return false
  const objects = await git(['rev-parse', '--path-format=absolute', '--git-path', 'objects'], { cwd: root })
  const tree = await git(['rev-parse', '--verify', 'HEAD^{tree}'], { cwd: root })
  const scratch = await mkdtemp(join(tmpdir(), 'belay-sign-'))
  try {
    const failure = await trial(root, tree, { objects, scratch, deadlineMs })
    if (failure === null) return true
    throw new BelayError('signing_failed', 'commit.gpgsign is on, but a commit cannot be signed without asking you', {
      expected: 'a key that signs without a prompt (unlocked in its agent)',
      received: failure,
      next: 'unlock the key, or set git.sign: off in belay.yaml to commit without signatures',
    })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Trial {
  readonly objects: string
  readonly scratch: string
  readonly deadlineMs: number
}

/**
 * Null if a signed commit could be created, else the failure. Git gets its own process group, so that a waiting prompt is
 * killed too.
 */
function trial(root: string, tree: string, options: Trial): Promise<string | null> {
  const env = gitEnv(Object.fromEntries(Object.entries(process.env).filter(([name]) => !ASKING.has(name))))
  env['GIT_OBJECT_DIRECTORY'] = options.scratch
  env['GIT_ALTERNATE_OBJECT_DIRECTORIES'] = JSON.stringify(options.objects) // quoted, because a colon would split the path
  env['GPG_TTY'] = devNull
  env['SSH_ASKPASS_REQUIRE'] = 'never'
  return new Promise((resolve) => {
    const args = ['commit-tree', '-S', '-m', 'signing trial', tree]
    const child = spawn('git', args, { cwd: root, env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    let late = false
    const end = (): void => {
      late = true
      if (child.pid !== undefined) killQuietly(-child.pid)
    }
    const timer = setTimeout(end, options.deadlineMs)
    child.on('error', (error) => {
      clearTimeout(timer)
      resolve(error.message)
    })
    // If file descriptors have run out, there is no stream, and the `error` event follows.
    if ((child.stderr as Readable | undefined) === undefined) return
    child.stderr.on('data', (chunk: Buffer) => {
      said = tail(said + chunk.toString('utf8'), 2000)
    })
    child.on('exit', () => {
      clearTimeout(timer)
      // A key agent that was started for the signature may hold the pipe open forever.
      setTimeout(() => child.stderr.destroy(), DRAIN_MS)
    })
    child.on('close', (code) => {
      if (code === 0) resolve(null)
      else
        resolve(
          late
            ? `no signature after ${options.deadlineMs} ms (it waits for an answer)`
            : said.trim() || `exit status ${code}`,
        )
    })
  })
}
