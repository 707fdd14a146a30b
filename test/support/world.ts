import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What the scripted agent does in one turn (see scripted-agent.mjs); `{}` changes nothing and gives a good answer. */
export interface Turn {
  /** Files to write (text) or remove (null), relative to the workspace. */
  readonly files?: Readonly<Record<string, string | null>>
  /** A bash command to run in the workspace. */
  readonly sh?: string
  /** Frames (or raw lines) to write to stdout before the answer. */
  readonly lines?: readonly unknown[]
  readonly usage?: { readonly input_tokens: number; readonly output_tokens: number; readonly cost_usd: number | null }
  readonly error?: { readonly code: string; readonly message: string; readonly retry_at?: string | null }
  readonly hang?: boolean
  /** Merged into a good answer; null: no answer at all. */
  readonly answer?: Readonly<Record<string, unknown>> | null
  readonly exit?: number
}

/** Turns by role and task handle (`*`: any): implementers by attempt, reviewers by call; the last one repeats. */
export interface Scenario {
  readonly implementer?: Readonly<Record<string, readonly Turn[]>>
  readonly reviewer?: Readonly<Record<string, readonly Turn[]>>
  readonly batch?: Readonly<Record<string, readonly Turn[]>>
  /** Count implementers by call, too. */
  readonly byCall?: boolean
  /** Criteria that the reviewer checks, by handle (default: the title). */
  readonly criteria?: Readonly<Record<string, readonly string[]>>
}

export interface Result {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const AGENT = fileURLToPath(new URL('scripted-agent.mjs', import.meta.url))

/** A user with a repository, a state folder and a scripted agent, all in one temporary folder. */
export class World {
  readonly dir: string
  readonly repo: string
  readonly home: string
  readonly agentDir: string
  readonly env: Record<string, string>

  constructor(scenario: Scenario = {}) {
    this.dir = realpathSync(mkdtempSync(join(tmpdir(), 'belay-test-')))
    this.repo = join(this.dir, 'repo')
    this.home = join(this.dir, 'home')
    this.agentDir = join(this.dir, 'agent')
    for (const folder of [this.repo, this.agentDir, join(this.dir, 'user')]) mkdirSync(folder)
    this.env = {
      PATH: process.env['PATH'] ?? '',
      HOME: join(this.dir, 'user'),
      BELAY_HOME: this.home,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Test User',
      GIT_AUTHOR_EMAIL: 'user@example.com',
      GIT_COMMITTER_NAME: 'Test User',
      GIT_COMMITTER_EMAIL: 'user@example.com',
      TZ: 'UTC',
    }
    this.script(scenario)
    this.git('init', '-q', '-b', 'main')
  }

  /** Replaces the agent's turns. */
  script(scenario: Scenario): void {
    writeFileSync(join(this.agentDir, 'scenario.json'), JSON.stringify(scenario))
  }

  /** Writes files in the user's checkout; null removes one. */
  files(files: Readonly<Record<string, string | null>>): this {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.repo, path)
      if (content === null) rmSync(file, { recursive: true, force: true })
      else {
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(file, content)
      }
    }
    return this
  }

  /** Writes belay.yaml with the scripted agent in both roles, after the YAML in `more`. */
  config(more = ''): this {
    const command = JSON.stringify([process.execPath, AGENT, this.agentDir])
    const roles = `workflow:\n  roles:\n    implementer: {provider: command, command: ${command}}\n    reviewer: {provider: command, command: ${command}}\n`
    return this.files({ 'belay.yaml': `${more}${more.endsWith('\n') || more === '' ? '' : '\n'}${roles}` })
  }

  /**
   * Lets exec and chat run the scripted agent unconfined, because it records its requests in a folder outside of the checkout.
   */
  unconfined(): this {
    this.env['BELAY_WORKFLOW__ROLES__IMPLEMENTER__SANDBOX'] = 'host'
    return this
  }

  /** Writes a spec-kit feature with these lines of tasks.md. */
  feature(id: string, tasks: readonly string[]): this {
    const dir = `specs/${id}`
    return this.files({
      [`${dir}/spec.md`]: '# Spec\n\nA small feature.\n',
      [`${dir}/plan.md`]: '# Plan\n\nDo it.\n',
      [`${dir}/tasks.md`]: `# Tasks\n\n## Phase 1: Work\n\n${tasks.join('\n')}\n`,
    })
  }

  /** Commits everything in the checkout. */
  commit(message = 'work'): this {
    this.git('add', '-A')
    this.git('commit', '-qm', message)
    return this
  }

  git(...args: readonly string[]): string {
    return execFileSync('git', args, {
      cwd: this.repo,
      env: this.env,
      encoding: 'utf8',
      maxBuffer: 256 << 20,
    }).trimEnd()
  }

  /** Runs a command line as the user would, in their checkout. */
  shell(command: string): string {
    return execFileSync('/bin/bash', ['-c', command], { cwd: this.repo, env: this.env, encoding: 'utf8' })
  }

  read(path: string): string {
    return readFileSync(join(this.repo, path), 'utf8')
  }

  has(path: string): boolean {
    return existsSync(join(this.repo, path))
  }

  /** The requests that the agent was given, in order. */
  requests(): Record<string, unknown>[] {
    const file = join(this.agentDir, 'requests.jsonl')
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** Starts belay (the built program) and returns the process; `node` holds flags for Node. */
  start(
    args: readonly string[],
    options: { readonly cwd?: string; readonly env?: Record<string, string>; readonly node?: readonly string[] } = {},
  ): ChildProcess {
    const program = join(ROOT, 'test', 'support', 'built.cjs')
    return spawn(process.execPath, [...(options.node ?? []), program, ...args], {
      cwd: options.cwd ?? this.repo,
      env: { ...this.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
  }

  /** Starts any program in the user's checkout, as the user. */
  startCommand([program = '', ...args]: readonly string[]): ChildProcess {
    return spawn(program, args, { cwd: this.repo, env: this.env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** Runs belay to its end. */
  async belay(
    args: readonly string[],
    options: {
      readonly cwd?: string
      readonly env?: Record<string, string>
      readonly input?: string
      readonly node?: readonly string[]
    } = {},
  ): Promise<Result> {
    const child = this.start(args, options)
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input ?? '')
    return collect(child)
  }

  /** Runs belay with --json and returns the last line of stdout, parsed. */
  async json<T = Record<string, unknown>>(
    args: readonly string[],
    options: { readonly env?: Record<string, string> } = {},
  ): Promise<T> {
    const result = await this.belay([...args, '--json'], options)
    const last = result.stdout.trimEnd().split('\n').at(-1) ?? ''
    try {
      return JSON.parse(last) as T
    } catch (cause) {
      throw new Error(
        `belay ${args.join(' ')} printed no JSON (exit ${result.code}):\n${result.stdout}\n${result.stderr}`,
        { cause },
      )
    }
  }

  /** First-parent commits of `ref` since the repository's first commit, oldest first. */
  log(ref = 'main'): { hash: string; tree: string; subject: string; trailers: Record<string, string> }[] {
    const text = this.git('log', '--reverse', '--format=%H%x00%T%x00%s%x00%(trailers:only,unfold)%x01', ref)
    return text
      .split('\u0001')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map((entry) => {
        const [hash = '', tree = '', subject = '', trailers = ''] = entry.split('\0')
        const pairs = trailers
          .split('\n')
          .filter((line) => line.includes(': '))
          .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)] as const)
        return { hash, tree, subject, trailers: Object.fromEntries(pairs) }
      })
  }

  dispose(): void {
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Collects what a process prints, and how it ends. */
export async function collect(child: ChildProcess): Promise<Result> {
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve({
        code,
        signal,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
      })
    })
  })
}

/**
 * Resolves once `child` has printed `text` on stdout. The output stays available to `collect`, which must already be listening.
 */
export async function said(child: ChildProcess, text: string): Promise<void> {
  let all = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      all += chunk.toString('utf8')
      if (all.includes(text)) resolve()
    })
    child.on('close', () => reject(new Error(`it ended without saying ${JSON.stringify(text)}:\n${all}`)))
  })
}
