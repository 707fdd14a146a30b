import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { World, collect, type Result } from '../support/world.ts'

const KILLER = fileURLToPath(new URL('killer.mjs', import.meta.url))
const AGENT = fileURLToPath(new URL('instant-agent.sh', import.meta.url))
const BUILT = fileURLToPath(new URL('../support/built.cjs', import.meta.url))

/** Which call of which port kills the process; see killer.mjs. */
export interface KillAt {
  readonly port: Port
  readonly n: number
  readonly when: 'before' | 'after'
  /** The whole process group dies, git children too. */
  readonly group?: boolean
}

export type Port = 'record' | 'git' | 'process' | 'files'

/** What a run has to do, and how it goes when nobody disturbs it. */
interface Story {
  readonly lines: readonly string[]
  /** Attempts that each task needs. */
  readonly attempts: Readonly<Record<string, number>>
  /** What becomes of each of them, by task. */
  readonly outcomes: readonly { readonly task: string; readonly outcome: string }[]
}

/** A gate that fails once, a review that asks for rework once, and two tasks at once. */
export const THREE: Story = {
  lines: ['- [ ] T001 Write the answer', '- [ ] T002 [P] Write two, with a reason', '- [ ] T003 [P] Write three'],
  attempts: { T001: 2, T002: 2, T003: 1 },
  outcomes: [
    { task: 'T001', outcome: 'gates_failed' },
    { task: 'T001', outcome: 'landed' },
    { task: 'T002', outcome: 'rework' },
    { task: 'T002', outcome: 'landed' },
    { task: 'T003', outcome: 'landed' },
  ],
}

/** One task with a rework: its calls come in the same order every time. */
export const ONE: Story = {
  lines: ['- [ ] T002 Write two, with a reason'],
  attempts: { T002: 2 },
  outcomes: [
    { task: 'T002', outcome: 'rework' },
    { task: 'T002', outcome: 'landed' },
  ],
}

const REWORK =
  '"verdict":"rework","overallRisk":"low","findings":[{"severity":"high","issue":"say why","fixHint":"write why.txt"}],"acceptanceChecks":[{"criterion":"x","note":"y","status":"fail"}]'

/** A user with a small repository, a gate and the tasks of a story. */
export class CrashWorld extends World {
  readonly #story: Story

  constructor(more = '', story = THREE) {
    super()
    this.#story = story
    // Named in the environment: the same tree in every world.
    this.env['INSTANT_AGENT'] = this.agentDir
    const command = JSON.stringify([AGENT])
    const role = `{provider: command, command: ${command}}`
    this.files({
      'belay.yaml': [
        'concurrency: 2',
        'verify:\n  commands: [{run: "test ! -f answer.txt || grep -q 42 answer.txt", name: check}]',
        `workflow:\n  roles:\n    implementer: ${role}\n    reviewer: ${role}`,
        more,
      ].join('\n'),
      '.gitignore': 'ignored.txt\n',
      'README.md': 'hello\n',
    })
    this.feature('001-crash', story.lines)
    this.turn('implementer-T001-1', 'echo 41 >answer.txt')
    this.turn('implementer-T001-2', 'echo 42 >answer.txt')
    this.turn('implementer-T002-1', 'mkdir -p "a folder"; echo 2 >"a folder/two.txt"')
    this.turn('reviewer-T002-1', `answer='${REWORK}'`)
    this.turn('implementer-T002-2', 'echo because >why.txt')
    this.turn('implementer-T003-1', 'echo 3 >three.txt; rm README.md')
    this.commit('start')
    this.files({ 'mine.txt': 'untracked\n', 'ignored.txt': 'ignored\n' })
  }

  /** What the instant agent does in one turn: a shell script that runs in the workspace. */
  turn(name: string, script: string): void {
    writeFileSync(join(this.agentDir, name), `${script}\n`)
  }

  /** Calls that the process which ended last under the killer had made. */
  counts(): Readonly<Record<Port, number>> {
    return JSON.parse(readFileSync(this.#counts, 'utf8')) as Record<Port, number>
  }

  get #counts(): string {
    return join(this.dir, 'counts.json')
  }

  /** Runs belay under the killer. */
  async killed(args: readonly string[], at: KillAt): Promise<Result> {
    const env = {
      KILL_COUNT: this.#counts,
      KILL_AT: `${at.port}:${at.n}:${at.when}`,
      ...(at.group === true ? { KILL_GROUP: '1' } : {}),
    }
    return collect(this.detached(args, env))
  }

  /** Runs belay to its end and counts its calls. */
  async counted(args: readonly string[]): Promise<Result & { counts: Readonly<Record<Port, number>> }> {
    const result = await collect(this.detached(args, { KILL_COUNT: this.#counts }))
    return { ...result, counts: this.counts() }
  }

  /** Starts belay as the leader of a process group. */
  detached(args: readonly string[], env: Readonly<Record<string, string>> = {}): ReturnType<typeof spawn> {
    const killer = Object.keys(env).length > 0 ? ['--import', KILLER] : []
    return spawn(process.execPath, [...killer, BUILT, ...args], {
      cwd: this.repo,
      env: { ...this.env, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** Goes on after a crash as a user would: resume, or run again when nothing was stored yet. */
  async goOn(): Promise<Result> {
    if (this.#hasRun()) return this.belay(['resume'])
    this.expectUntouched()
    return this.belay(['run'])
  }

  #hasRun(): boolean {
    if (!existsSync(join(this.home, 'belay.db'))) return false
    const tables = this.sql("select name from sqlite_schema where name = 'runs'")
    return tables.length > 0 && this.sql('select id from runs').length > 0
  }

  /** Nothing was stored, so nothing may have been made. */
  expectUntouched(): void {
    expect(this.git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main')
    expect(this.git('worktree', 'list', '--porcelain').split('\n\n')).toHaveLength(1)
    expect(filesBelow(join(this.home, 'workspaces'))).toEqual([])
    expect(filesBelow(join(this.home, 'tmp'))).toEqual([])
  }

  /** Runs SQL on the record from outside. */
  sql<T = Record<string, unknown>>(text: string, ...values: (string | number)[]): T[] {
    const database = new DatabaseSync(join(this.home, 'belay.db'), { timeout: 10_000 })
    try {
      return database.prepare(text).all(...values) as T[]
    } finally {
      database.close()
    }
  }

  /** Everything that has to be true when a run is through, however often it was killed on the way. */
  expectWhole(tree: string, hint: string): void {
    const commits = this.log().slice(1)
    expect(
      commits.map((commit) => String(commit.trailers['Belay-Task'])).toSorted((a, b) => a.localeCompare(b)),
      hint,
    ).toEqual(Object.keys(this.#story.attempts))
    for (const commit of commits) expect(commit.tree, hint).toBe(commit.trailers['Belay-Tree'])
    expect(this.git('rev-parse', 'main^{tree}'), hint).toBe(tree)
    this.expectCleanCheckout(hint)
    this.expectNothingLeft(hint)
    const tasks = this.sql<{ handle: string; status: string; attempt: number }>(
      'select handle, status, attempt from tasks',
    )
    const burnt = Object.fromEntries(tasks.map((task) => [task.handle, task.attempt]))
    expect(burnt, hint).toEqual(this.#story.attempts)
    expect(
      tasks.every((task) => task.status === 'done'),
      hint,
    ).toBe(true)
    const attempts = this.sql<{ task: string; outcome: string | null }>(
      'select task, outcome from attempts order by task, n',
    )
    expect(attempts, hint).toEqual(this.#story.outcomes)
    expect(this.sql("select id from sessions where status = 'running'"), hint).toEqual([])
    expect(this.sql("select key from intents where key like 'follow:%'"), hint).toEqual([])
  }

  /** The user's checkout stands at the tip of its branch, and what was never Belay's is as it was. */
  expectCleanCheckout(hint: string): void {
    expect(this.git('symbolic-ref', 'HEAD'), hint).toBe('refs/heads/main')
    expect(this.git('status', '--porcelain', '--ignored'), hint).toBe('?? mine.txt\n!! ignored.txt')
    expect(this.read('mine.txt'), hint).toBe('untracked\n')
    expect(this.git('stash', 'list'), hint).toBe('')
    // Dangling objects of attempts that were given up are git's to collect; anything else is damage.
    expect(this.git('fsck', '--full', '--strict', '--no-dangling'), hint).toBe('')
  }

  /** No workspace, lease, process, lock or temporary file outlives a finished run. */
  expectNothingLeft(hint: string): void {
    expect(this.git('for-each-ref', '--format=%(refname)', 'refs/belay'), hint).toBe('')
    expect(this.git('worktree', 'list', '--porcelain').split('\n\n'), hint).toHaveLength(1)
    const inGit = filesBelow(join(this.repo, '.git'))
    expect(
      inGit.filter((path) => /\.lock$|belay-|worktrees\//.test(path)),
      hint,
    ).toEqual([])
    expect(filesBelow(join(this.home, 'workspaces')), hint).toEqual([])
    expect(filesBelow(join(this.home, 'tmp')), hint).toEqual([])
    expect(filesBelow(join(this.home, 'guard')), hint).toEqual([])
    expect(this.sql('select path from workspaces'), hint).toEqual([])
    const holders = this.sql<{ pid: number; start_time: string }>(
      "select pid, start_time from leases where token <> ''",
    )
    expect(
      holders.filter((one) => startTime(one.pid) === one.start_time),
      hint,
    ).toEqual([])
    expect(this.processes(), hint).toEqual([])
  }

  /** Living processes that were started for this world: all of them know its state folder. */
  processes(): { pid: number; command: string }[] {
    const found: { pid: number; command: string }[] = []
    for (const name of readdirSync('/proc')) {
      const pid = Number(name)
      if (!Number.isInteger(pid) || pid === process.pid) continue
      try {
        const environ = readFileSync(`/proc/${pid}/environ`, 'utf8')
        if (!environ.split('\0').includes(`BELAY_HOME=${this.home}`) || startTime(pid) === null) continue
        found.push({ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') })
      } catch {
        // gone while we looked
      }
    }
    return found
  }
}

/** Start time of a living process as /proc tells it; null for none and for zombies. */
export function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}

/** Paths of all files below a folder, relative to it; none when there is no folder. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

/** Runs jobs, a few at a time. After the first that fails no other is begun; it is thrown when those at work have ended. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const open = [...items]
  const lanes = Array.from({ length: width }, async () => {
    for (let item = open.shift(); item !== undefined; item = open.shift()) {
      try {
        await work(item)
      } catch (error) {
        open.length = 0
        throw error
      }
    }
  })
  const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected')
  if (failed) throw failed.reason
}

/** A small generator of repeatable random numbers in [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
