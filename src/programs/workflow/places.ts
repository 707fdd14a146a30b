/** Where agents work: a folder that all steps share, or a worktree per step, whose work becomes a commit. */
import { mkdir } from 'node:fs/promises'
import { commitTree, message, trailer } from '../../git/commit.ts'
import { branchRef, epochRef, taskBranch, updateRefs, type RefCommand } from '../../git/refs.ts'
import type { MoveJournal } from '../../git/moves.ts'
import { changedPaths } from '../../git/trees.ts'
import { BelayError } from '../../core/errors.ts'
import { head, subjectLine } from '../../core/text.ts'
import { endMarked, taskMark } from '../../process/index.ts'
import { stateOf as directState } from '../direct/state.ts'
import type { WorkspaceKeeper } from '../direct/workspaces.ts'
import { joinLines } from './merge.ts'
import type { Context, StepPlace, StepPlaces } from './services.ts'
import { stepLevel } from './services.ts'

const SUBJECT = 72
const MAX_BODY = 4000

/** Steps work in folders, which stay as the steps leave them. `shared`: all steps, also parallel ones, use the same folder. */
export function directoryPlaces(folderOf: (handle: string) => string, shared: boolean): StepPlaces {
  return {
    kind: shared ? 'directory' : 'own-directory',
    async begin({ task, services }): Promise<StepPlace> {
      const folder = folderOf(task.handle)
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const end = async (): Promise<void> => {
        await endMarked(taskMark(services.run.id, task.handle, task.epoch))
      }
      return {
        cwd: folder,
        env: {},
        async finish() {
          await end()
          return { tip: null, files: [], tampered: [] }
        },
        discard: end,
      }
    },
    join: () => Promise.resolve({ tip: null }),
  }
}

export interface RepositoryOptions {
  /** The user's checkout, for git commands. */
  readonly root: string
  readonly keeper: WorkspaceKeeper
  readonly moves: MoveJournal
  readonly epochMark: (handle: string) => string
  /** Sign commits as the user's git is configured to. */
  readonly sign: boolean
}

/**
 * Each step works in a worktree at the commit where the previous step ended. What it leaves becomes a commit of its own on
 * `belay/RUN/task-HANDLE`. Changes by an agent with read-only access are discarded.
 */
export function repositoryPlaces(options: RepositoryOptions): StepPlaces {
  return {
    kind: 'repository',
    begin: (context, base, access) => beginInWorktree(options, context, base, access === 'read-only'),
    async join(context, base, lines) {
      if (base === null) throw new Error(`step ${context.task.handle} has no commit to begin at`)
      const joined = await joinLines(options, context, base, lines)
      if ('tip' in joined && joined.tip !== null && joined.tip !== base) await keep(options, context, joined.tip)
      return joined
    },
  }
}

async function beginInWorktree(
  options: RepositoryOptions,
  context: Context,
  base: string | null,
  readOnly: boolean,
): Promise<StepPlace> {
  if (base === null) throw new Error(`step ${context.task.handle} has no commit to begin at`)
  const { keeper } = options
  const { task } = context
  const inner = { ...context, services: { ...context.services, epochMark: options.epochMark } }
  await keeper.makeWork(inner, base)
  const turn = await keeper.beginTurn(inner, { ...directState({ ...task, state: {} }), base })
  return {
    cwd: turn.workspace.path,
    env: turn.env,
    async finish(summary) {
      await turn.endProcesses()
      const kept = await turn.keep()
      await keeper.done(task.handle)
      const tampered = [...kept.tampered, ...(kept.blocked === null ? [] : [kept.blocked.message])]
      if (kept.empty || readOnly || tampered.length > 0) return { tip: base, files: [], tampered }
      const { tree } = kept.snapshot
      const files = (await changedPaths(options.root, base, tree)).map((change) => change.path)
      const tip = await commitTree(options.root, {
        tree,
        parents: [base],
        message: commitMessage(context, summary),
        sign: options.sign,
      })
      await keep(options, context, tip)
      return { tip, files, tampered }
    },
    async discard() {
      await turn.endProcesses()
      await turn.undoTampering()
      await keeper.done(task.handle)
    },
  }
}

function commitMessage(context: Context, summary: string): string {
  const { task, services } = context
  const { state } = stepLevel(context)
  const agent = state.type === 'agent' ? state.role : null
  const model = agent?.model === null || agent === null ? '' : `/${agent.model}`
  return message(subjectLine(`${task.handle}: ${task.title}`, SUBJECT), head(summary, MAX_BODY), [
    trailer('Belay-Task', task.handle),
    trailer('Belay-Run', services.run.id),
    ...(agent === null ? [] : [trailer('Belay-Agent', `step=${agent.provider}${model}`)]),
  ])
}

/**
 * Points the step's branch at its commit, which also protects the commit from garbage collection. Throws `lease_lost` if
 * another process has taken the step over.
 */
async function keep(options: RepositoryOptions, { task, services }: Context, commit: string): Promise<void> {
  const run = services.run.id
  const fence: RefCommand = {
    verb: 'verify',
    ref: epochRef(run, task.handle),
    old: options.epochMark(task.handle),
  }
  const moved = await updateRefs(
    options.root,
    [fence, { verb: 'update', ref: branchRef(taskBranch(run, task.handle)), to: commit }],
    options.moves,
  )
  if (moved) return
  throw new BelayError('lease_lost', `another process has taken over ${run}/${task.handle}`, { next: 'belay status' })
}
