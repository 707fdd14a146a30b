import { BelayError } from '../core/errors.ts'
import { newRunId } from '../core/ids.ts'
import { loadConfig, type Config, type FlagValue } from '../config/index.ts'
import { checkBranchName } from '../git/branch-name.ts'
import { checkSigning, identity } from '../git/identity.ts'
import { branchRef, readRef } from '../git/refs.ts'
import { openRepository, type Repository } from '../git/repository.ts'
import type { RunSource } from '../record/index.ts'
import { checkGraph } from '../scheduler/graph.ts'
import { folderFiles, openSource, resolveSource, type Source, type SourcePointer } from '../sources/index.ts'
import { readSource } from './read-source.ts'
import { checkRoles, rolesOf } from './roles.ts'
import { checkSandboxes } from './sandboxes.ts'
import { commitSource, dirtySourceFiles } from './uncommitted.ts'

export interface RunRequest {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly arg: string | null
  readonly prompt: string | null
  readonly feature: string | null
  readonly until: string | null
  readonly into: string | null
  readonly set: readonly string[]
  readonly flags: readonly FlagValue[]
  readonly commitSource: boolean
  readonly dryRun: boolean
  readonly readStdin: () => Promise<string>
  /** Returns YAML for a repository without a configuration file, and tells the user about it. */
  readonly propose: (root: string) => Promise<string>
}

/** Everything that is known about a run before anything is written. */
export interface RunPlan {
  /** The id that the run will have. */
  readonly id: string
  readonly repository: Repository
  readonly config: Config
  /** null: there is no file, so the configuration is what `belay init` would write. */
  readonly configFile: string | null
  readonly warnings: readonly string[]
  readonly source: Source
  readonly runSource: RunSource
  readonly target: string | null
  /** The target branch does not exist yet; it is created when the first task lands. */
  readonly newTarget: boolean
  readonly base: string
  readonly until: string | null
  readonly sign: boolean
}

/**
 * Finds out what a run would do: repository, configuration, source and target. Except for a dry run, also checks that its
 * agents are installed and logged in, because every task would fail otherwise. Writes nothing, except that `commitSource`
 * commits the source's own files in the user's checkout. Throws BelayErrors (exit 2).
 */
export async function planRun(request: RunRequest): Promise<RunPlan> {
  const { repository, who } = await lookAround(request.cwd)
  const { root } = repository
  await Promise.all([who, request.into === null ? null : checkBranchName(root, request.into)])
  const proposal = (): Promise<string> => request.propose(root)
  const loaded = await loadConfig({ root, env: request.env, set: request.set, flags: request.flags, proposal })
  const { config } = loaded
  const id = newRunId(Date.now())
  const agents = request.dryRun ? null : startChecking(config, request.env, root, id)
  if (config.verify.required && config.verify.gates.length === 0) throw gatesRequired()
  const pointer = await resolveSource({
    arg: request.arg,
    prompt: request.prompt,
    feature: request.feature,
    configured: config.task.source,
    branch: repository.head.branch,
    root,
    cwd: request.cwd,
    files: folderFiles(root),
    readStdin: request.readStdin,
  })
  const target = request.into ?? repository.head.branch
  const other = target === repository.head.branch ? null : await targetTip(root, target)
  const unread = await uncommittedSource(repository, pointer, request.commitSource, other === null ? null : target)
  // A dry run writes nothing, so it shows the files as they would be committed.
  const committed = unread === null || request.dryRun ? null : await commitSource(root, unread.dir, unread.feature)
  const head = committed ?? repository.head.commit
  const base = other ?? head
  const { source, unseen } =
    unread !== null && request.dryRun
      ? { source: await openSource(pointer, folderFiles(root)), unseen: [] }
      : await readSource(pointer, { root, base, head, current: repository.head.branch, target })
  checkGraph(source.tasks)
  const sign = config.git.sign === 'auto' ? await checkSigning(root) : false
  await agents
  return {
    id,
    repository: { ...repository, head: { ...repository.head, commit: head } },
    config,
    configFile: loaded.projectFile,
    warnings: [...loaded.warnings, ...source.warnings, ...unseen],
    source,
    runSource: toRunSource(pointer),
    target,
    newTarget: target !== null && target !== repository.head.branch && other === null,
    base,
    until: request.until === null ? null : selectTask(source, request.until),
    sign,
  }
}

/** Opens the repository and looks up the commit identity at the same time. Errors of the repository come first. */
async function lookAround(cwd: string): Promise<{ repository: Repository; who: Promise<unknown> }> {
  const who = identity(cwd)
  who.catch(() => {})
  return { repository: await openRepository(cwd), who }
}

/**
 * Starts to check the agents' programs. That takes as long as all other checks together, so it runs beside them and is awaited
 * last.
 */
function startChecking(config: Config, env: RunRequest['env'], root: string, run: string): Promise<void> {
  const roles = rolesOf(config, env)
  // Started now, so that the first agent is ready when the first workspace is.
  const { agent, env: own, command } = roles.implementer
  agent.warm?.({ env: own, command, cwd: root, run })
  const checking = checkRoles(config, roles).then(() => checkSandboxes(config, root))
  checking.catch(() => {}) // other problems of the run are reported first
  return checking
}

function gatesRequired(): BelayError {
  return new BelayError('gates_required', 'verify.required is set, but there are no gates', {
    expected: 'at least one command in verify.commands',
    received: 'none',
    next: 'add the commands that prove a change to verify.commands in belay.yaml',
  })
}

async function targetTip(root: string, target: string | null): Promise<string | null> {
  return target === null ? null : readRef(root, `${branchRef(target)}^{commit}`)
}

/**
 * The folder with files to commit before the run; null: there are none. Throws `source_uncommitted` unless the user asked for a
 * commit. With `otherBranch` it always throws, because the source is read from that branch and a commit on the current one
 * would not help.
 */
async function uncommittedSource(
  { root }: Repository,
  pointer: SourcePointer,
  commit: boolean,
  otherBranch: string | null,
): Promise<{ readonly dir: string; readonly feature: string } | null> {
  if (pointer.kind === 'prompt') return null
  const dirty = await dirtySourceFiles(root, pointer.dir)
  if (dirty.length === 0) return null
  if (commit && otherBranch === null) return pointer
  throw new BelayError(
    'source_uncommitted',
    `files of ${pointer.dir} are not committed, and a run reads committed files only`,
    {
      expected: 'committed files',
      received: dirty.slice(0, 20).join(', ') + (dirty.length > 20 ? ` and ${dirty.length - 20} more` : ''),
      next:
        otherBranch === null
          ? 'run again with --commit-source, or commit them yourself'
          : `commit them on ${otherBranch}, which the run lands on and reads from, or leave --into out`,
    },
  )
}

function selectTask(source: Source, selector: string): string {
  const handle = source.resolve(selector)
  if (handle !== null) return handle
  throw new BelayError('task_unknown', `there is no task "${selector}"`, {
    expected: source.tasks
      .slice(0, 50)
      .map((task) => task.handle)
      .join(', '),
    received: selector,
    next: 'belay run --dry-run',
  })
}

function toRunSource(pointer: SourcePointer): RunSource {
  return pointer.kind === 'prompt'
    ? { kind: 'prompt', feature: null, path: null, prompt: pointer.text }
    : { kind: pointer.kind, feature: pointer.feature, path: pointer.dir, prompt: null }
}

/** The inverse: what `openSource` needs to open the source of a stored run. */
export function toPointer(source: RunSource): SourcePointer {
  if (source.kind === 'prompt') return { kind: 'prompt', text: source.prompt ?? '' }
  if (source.kind === 'batch' || source.kind === 'workflow') throw new Error(`a ${source.kind} has no source of tasks`)
  return { kind: source.kind, feature: source.feature ?? '', dir: source.path ?? '' }
}
