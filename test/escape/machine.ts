import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

const HOME = homedir()

/**
 * A small model of a user's machine: home, Belay's state folder, a checkout with a worktree for the agent, processes and
 * services.
 */
export class Machine {
  readonly id = randomBytes(6).toString('hex')
  /** What must not be got. */
  readonly token = `token-${randomBytes(8).toString('hex')}`
  readonly dir: string
  readonly home: string
  readonly state: string
  readonly checkout: string
  readonly workspace: string
  readonly outside: string
  /** How long to look for what gets out: long where something must, so that a busy machine is no sandbox. */
  patienceMs = 60_000
  readonly #ends: (() => void)[] = []
  readonly #children: ChildProcess[] = []

  constructor() {
    mkdirSync(join(HOME, '.cache'), { recursive: true })
    // Not in a folder for temporary files: each sandbox has its own of those.
    this.dir = realpathSync(mkdtempSync(join(HOME, '.cache', 'belay-escape-')))
    const [home, state, checkout, workspace, outside] = [
      'home',
      'state',
      'checkout',
      'state/workspaces/w',
      'outside',
    ].map((name) => join(this.dir, name)) as [string, string, string, string, string]
    Object.assign(this, { home, state, checkout, workspace, outside })
    this.home = home
    this.state = state
    this.checkout = checkout
    this.workspace = workspace
    this.outside = outside
    for (const folder of [home, state, checkout, outside, dirname(workspace)]) mkdirSync(folder, { recursive: true })
    writeFileSync(join(state, 'belay.db'), this.token)
    this.file('outside/secret', this.token)
    this.git('init', '-q', '-b', 'main')
    this.file('checkout/a', 'a\n')
    this.git('add', '.')
    this.git('commit', '-qm', 'one')
    this.git('worktree', 'add', '-q', '--detach', workspace)
  }

  file(path: string, text: string): string {
    const file = join(this.dir, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return file
  }

  read(path: string): string {
    const file = join(this.dir, path)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  has(path: string): boolean {
    return existsSync(join(this.dir, path))
  }

  /** The user's own git, in the checkout. */
  git(...args: readonly string[]): string {
    const who = ['-c', 'user.name=user', '-c', 'user.email=user@example.org', ...args]
    return execFileSync('git', who, {
      cwd: this.checkout,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  }

  /** Starts a process of the user's; resolves when it said something. Returns its pid. */
  async start(argv: readonly [string, ...string[]], env: Readonly<Record<string, string>> = {}): Promise<number> {
    const [program, ...args] = argv
    const child = spawn(program, args, {
      cwd: this.outside,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#children.push(child)
    await once(child.stdout, 'data')
    return child.pid as number
  }

  /** Whether something comes to be so while it is waited for. */
  async later(isSo: () => boolean): Promise<boolean> {
    const until = Date.now() + this.patienceMs
    while (!isSo() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50))
    return isSo()
  }

  /** The process that was started last still lives. */
  get victimLives(): boolean {
    const last = this.#children.at(-1)
    return last !== undefined && last.exitCode === null && last.signalCode === null
  }

  /** Something to undo at the end. */
  after(end: () => void): void {
    this.#ends.push(end)
  }

  end(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    for (const end of this.#ends) end()
    rmSync(this.dir, { recursive: true, force: true })
  }
}
