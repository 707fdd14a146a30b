import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A real repository in a temporary folder, for tests. */
export interface TestRepo {
  readonly root: string
  /** Runs git as a user would (with hooks) and returns trimmed stdout; throws if it fails. */
  git(...args: string[]): string
  gitIn(cwd: string, args: readonly string[], env?: Readonly<Record<string, string>>): string
  write(path: string, content: string | Buffer): void
  /** Writes files, commits everything and returns the commit. */
  commit(files: Readonly<Record<string, string | Buffer>>, message?: string): string
  remove(): void
}

const IDENTITY = {
  GIT_AUTHOR_NAME: 'Ada User',
  GIT_AUTHOR_EMAIL: 'ada@example.test',
  GIT_COMMITTER_NAME: 'Ada User',
  GIT_COMMITTER_EMAIL: 'ada@example.test',
}

/** An empty temporary folder, its path without symbolic links. */
export function tempFolder(name = 'belay-test-'): string {
  return realpathSync(mkdtempSync(join(tmpdir(), name)))
}

/** A new repository on branch `main`, with one commit unless `empty`. */
export function makeRepo(options: { readonly empty?: boolean; readonly folder?: string } = {}): TestRepo {
  const parent = tempFolder()
  const root = join(parent, options.folder ?? 'repo')
  mkdirSync(root)
  const gitIn: TestRepo['gitIn'] = (cwd, args, env = {}) =>
    execFileSync('git', args, {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, ...IDENTITY, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 << 20,
    }).trim()
  const repo: TestRepo = {
    root,
    gitIn,
    git: (...args) => gitIn(root, args),
    write(path, content) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), content)
    },
    commit(files, message = 'change') {
      for (const [path, content] of Object.entries(files)) repo.write(path, content)
      repo.git('add', '-A')
      repo.git('commit', '-q', '--allow-empty', '-m', message)
      return repo.git('rev-parse', 'HEAD')
    },
    remove: () => rmSync(parent, { recursive: true, force: true }),
  }
  repo.git('init', '-q', '-b', 'main')
  repo.git('config', 'user.name', 'Ada User')
  repo.git('config', 'user.email', 'ada@example.test')
  if (options.empty !== true) repo.commit({ 'README.md': 'hello\n' }, 'first')
  return repo
}
