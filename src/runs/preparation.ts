import { join } from 'node:path'
import type { Config } from '../config/index.ts'
import { runCommand, shellArgv } from '../gates/index.ts'
import { endMarked } from '../process/index.ts'
import type { NewEvent } from '../record/index.ts'
import type { FailedGate } from '../programs/direct/state.ts'
import type { Preparation } from '../programs/direct/workspaces.ts'
import { cleanByproducts } from '../workspace/clean.ts'
import type { Workspace, WorkspacePool } from '../workspace/pool.ts'
import type { OpenConfined } from './sandboxes.ts'
import {
  prepareWorkspace,
  setupProducts,
  type Prepared,
  type RunSetup,
  type SetupEvidence,
} from '../workspace/setup.ts'

export interface PreparationOptions {
  readonly config: Config
  /** The user's checkout. */
  readonly root: string
  readonly pool: WorkspacePool
  /** Environment of setup commands; the same as for gates. */
  readonly env: Readonly<Record<string, string>>
  /** Opens the sandbox of setup commands; the same as for gates. */
  readonly confine: OpenConfined
}

/** Makes workspaces usable as `workspace.setup` and `workspace.copy` say, and removes by-products from them. */
export function preparation({ config, root, pool, env, confine }: PreparationOptions): Preparation {
  const { setup, setupInputs, copy } = config.workspace
  const nothing = setup.length === 0 && copy.length === 0
  return {
    async prepare(workspace, { mark, signal, emit }) {
      if (nothing) return null
      const lastKey = workspace.state['setupKey']
      const prepared = await prepareWorkspace({
        path: workspace.path,
        setup,
        inputs: setupInputs,
        copy,
        userRoot: root,
        lastKey: typeof lastKey === 'string' ? lastKey : null,
        run: runner(env, confine, mark, signal),
      })
      signal.throwIfAborted()
      await emit(eventsOf(workspace, prepared))
      if (!prepared.ok) return failureOf(prepared.evidence.at(-1), prepared.reason.message)
      if (prepared.key !== lastKey) await pool.setState(workspace.path, { ...workspace.state, setupKey: prepared.key })
      return null
    },
    async clean(workspace) {
      await cleanByproducts(workspace.path, nothing ? [] : await setupProducts(workspace.path))
    },
    products: async (workspace) => (nothing ? [] : setupProducts(workspace.path)),
  }
}

function runner(
  env: Readonly<Record<string, string>>,
  confine: OpenConfined,
  mark: string,
  signal: AbortSignal,
): RunSetup {
  return async (command, workspace) => {
    const argv = shellArgv(command.run)
    const cwd = command.cwd === null ? workspace : join(workspace, command.cwd)
    const sandbox = await confine(workspace, [], signal)
    let outcome
    try {
      const { spawn } = sandbox
      outcome = await runCommand({ argv, cwd, env, timeoutMs: command.timeoutMs, mark, signal, spawn })
      await endMarked(mark)
    } finally {
      await sandbox.close()
    }
    const { exit, timedOut, durationMs, head, tail } = outcome
    return {
      name: command.name,
      argv,
      exitCode: exit.code,
      signal: exit.signal,
      timedOut,
      durationMs,
      outputHead: head,
      outputTail: tail,
    }
  }
}

function eventsOf(workspace: Workspace, prepared: Prepared): NewEvent[] {
  const events: NewEvent[] = prepared.evidence.map((one) => ({
    type: 'setup.finished',
    data: {
      name: one.name,
      workspace: workspace.purpose,
      argv: one.argv,
      exit_code: one.exitCode,
      signal: one.signal,
      timed_out: one.timedOut,
      duration_ms: one.durationMs,
      output_tail: one.outputTail.slice(-4000),
    },
  }))
  if (prepared.undone.length === 0) return events
  return [...events, { type: 'setup.undone', data: { workspace: workspace.purpose, paths: prepared.undone } }]
}

function failureOf(last: SetupEvidence | undefined, why: string): FailedGate {
  if (!last) throw new Error('setup failed without having run a command')
  const { argv, exitCode, signal, outputHead, outputTail } = last
  return { name: `workspace.setup: ${last.name}`, argv, exitCode, signal, why, outputHead, outputTail }
}
