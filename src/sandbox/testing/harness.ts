import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { it } from 'vitest'
import { endMarked, type Exit, type KeptProcess, type ProcessSpec } from '../../process/index.ts'
import { openSandbox, type BackendName, type Sandbox, type SandboxRequest } from '../index.ts'

/** A backend and what is needed to test it. */
export interface SandboxHarness {
  readonly backend: BackendName
  /** Why it cannot be tested here; null when it can. */
  readonly unavailable: string | null
  /** Additional fields for each request, e.g. an image. */
  readonly more: Partial<SandboxRequest>
  readonly can: {
    readonly confine: boolean
    readonly readOnly: boolean
    readonly limits: boolean
    readonly fullNetwork: boolean
    /** Whether processes inside are in this machine's process table. */
    readonly seen: boolean
    readonly git: boolean
    /** False: when Belay is killed, everything ends after a timeout, not at once. */
    readonly endsAtOnce?: boolean
  }
}

export interface Ran {
  readonly out: string
  readonly err: string
  readonly exit: Exit
}

export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** A workspace and a place outside it, with sandboxes over the workspace. */
export interface Ground {
  readonly workspace: string
  /** Not in a temporary folder, because those are private to each sandbox. */
  readonly outside: string
  open(more?: Partial<SandboxRequest>): Promise<Sandbox>
  start(sandbox: Sandbox, script: string, more?: Partial<ProcessSpec>): Promise<KeptProcess>
  run(sandbox: Sandbox, script: string, more?: Partial<ProcessSpec>): Promise<Ran>
  mark(): string
  clear(): Promise<void>
}

/** What the parts of the suite get. */
export interface Stage {
  readonly harness: SandboxHarness
  ground(): Ground
}

let marks = 0

export function makeGround({ backend, more }: SandboxHarness): Ground {
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'belay-sandbox-ws-')))
  const cache = join(homedir(), '.cache')
  mkdirSync(cache, { recursive: true })
  const outside = realpathSync(mkdtempSync(join(cache, 'belay-sandbox-out-')))
  const sandboxes: Sandbox[] = []
  const used: string[] = []
  const mark = (): string => {
    const made = `sandbox-test/${process.pid}/${marks++}`
    used.push(made)
    return made
  }
  const start: Ground['start'] = (sandbox, script, asked = {}) =>
    sandbox.spawn({
      argv: ['/bin/sh', '-c', script],
      cwd: workspace,
      env: { PATH, HOME: homedir() },
      stdin: 'none',
      mark: mark(),
      ...asked,
    })
  return {
    workspace,
    outside,
    mark,
    start,
    async open(asked = {}) {
      const request = { access: 'workspace-write', workspace, ...more, ...asked } as const
      const { sandbox } = await openSandbox(backend, request, new AbortController().signal)
      sandboxes.push(sandbox)
      return sandbox
    },
    async run(sandbox, script, asked) {
      return ranOf(await start(sandbox, script, asked))
    },
    async clear() {
      for (const sandbox of sandboxes) await sandbox.close()
      for (const one of used) await endMarked(one)
      rmSync(workspace, { recursive: true, force: true })
      rmSync(outside, { recursive: true, force: true })
    },
  }
}

export async function ranOf(kept: KeptProcess): Promise<Ran> {
  const [out, err, exit] = await Promise.all([text(kept.stdout), text(kept.stderr), kept.closed])
  return { out, err, exit }
}

/** Reports why a suite cannot run; in CI that is a failure. */
export function cannotRun(title: string, why: string): void {
  if (process.env['CI'] === 'true') {
    it(title, () => {
      throw new Error(`must run in CI, but: ${why}`)
    })
    return
  }
  process.stderr.write(`skipped: ${title}: ${why}\n`)
  it.skip(`${title} (${why})`, () => {})
}
