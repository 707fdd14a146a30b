import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeRepo, tempFolder, type TestRepo } from '../../testing/repo.ts'
import { agentMark, compareAndUndo, takeSnapshot, type GuardReport, type GuardRequest } from '../index.ts'

/** A repository with a user's checkout and an agent's workspace for task T1. */
export interface Guarded {
  readonly repo: TestRepo
  readonly folder: string
  readonly dotGit: string
  /** The workspace of T1. */
  readonly work: string
  addWork(handle: string): string
  request(handle?: string): GuardRequest
  /** Runs git as an agent does: in its workspace, with its mark. */
  agent(...args: string[]): string
  /** A guarded turn during which `doings` runs. The snapshot is converted to JSON and back, as in the record. */
  turn(doings: () => void): Promise<GuardReport>
  /** All refs and their values, except rescued ones. */
  allRefs(): string[]
  remove(): void
}

export const MARK = agentMark('run', 'T1')
export const OWN = 'refs/heads/belay/run/task-T1'

export function makeGuarded(): Guarded {
  const repo = makeRepo()
  const folder = tempFolder()
  const dotGit = join(repo.root, '.git')
  repo.commit({ 'a.txt': 'a\n', 'b.txt': 'b\n' })
  repo.git('branch', 'other')
  repo.git('tag', 'v1')
  const guarded: Guarded = {
    repo,
    folder,
    dotGit,
    work: join(folder, 'work T1'),
    addWork(handle) {
      const path = join(folder, `work ${handle}`)
      repo.git('worktree', 'add', '-q', '-b', `belay/run/task-${handle}`, path)
      return path
    },
    request(handle = 'T1') {
      const path = join(folder, `work ${handle}`)
      return {
        commonDir: dotGit,
        userRoot: repo.root,
        workspaces: [{ path, gitDir: repo.gitIn(path, ['rev-parse', '--absolute-git-dir']) }],
        allowedRefs: [`refs/heads/belay/run/task-${handle}`],
        mark: agentMark('run', handle),
        ledger: join(folder, 'ledger'),
        isOurs: (move) => move.ref.startsWith('refs/belay/epoch/'),
        ownWorktrees: () => Promise.resolve([join(folder, 'work T1'), join(folder, 'work T2')]),
      }
    },
    agent: (...args) => repo.gitIn(guarded.work, args, { GIT_COMMITTER_EMAIL: MARK }),
    async turn(doings) {
      const asked = guarded.request()
      const snapshot = await takeSnapshot(asked)
      doings()
      return compareAndUndo(JSON.parse(JSON.stringify(snapshot)) as typeof snapshot, asked)
    },
    allRefs: () =>
      repo
        .git('for-each-ref', '--format=%(refname) %(objectname)')
        .split('\n')
        .filter((line) => !line.startsWith('refs/belay/rescued/')),
    remove() {
      repo.remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  guarded.addWork('T1')
  return guarded
}

/** The violated paths and refs, sorted. */
export function subjects(report: GuardReport, { dotGit }: Guarded): string[] {
  return report.violations.map((one) => one.subject.replace(`${dotGit}/`, '')).sort()
}
