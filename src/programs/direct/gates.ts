import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import {
  baseOverlay,
  baselineKey,
  baselineStops,
  changedProtected,
  classifyBaseline,
  judge,
  lostTests,
  redExpected,
  runGate,
  type Evidence,
  type GateBaseline,
  type GateSpec,
  type Judgement,
  type OverlayFile,
} from '../../gates/index.ts'
import { commitTree } from '../../git/commit.ts'
import { readObject } from '../../git/objects.ts'
import { gitTreeFiles } from '../../git/tree-files.ts'
import { editTree, seedIndex, treeEntry, treeOf, writeBlob, type PathChange, type TreeEdit } from '../../git/trees.ts'
import { git } from '../../git/run.ts'
import type { PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { taskMark } from '../../process/index.ts'
import { dropBaselines, getBaseline, putBaseline } from '../../record/index.ts'
import type { Workspace } from '../../workspace/pool.ts'
import type { DirectServices } from './services.ts'
import { RED_NOTE, stateOf, type Candidate, type FailedGate } from './state.ts'
import { refuseSetup } from './workspaces.ts'

type Context = PhaseContext<DirectServices>

/** A baseline as stored, with the run that determined it. */
type KnownBaseline = GateBaseline & { readonly run?: string }

/** The results of all gates on a candidate. */
export interface Proof {
  readonly evidence: readonly Evidence[]
  /** Evidence from the tip itself, for gates whose baseline there was not yet known. */
  readonly baseline: readonly Evidence[]
  readonly failed: readonly FailedGate[]
  /** For the commit trailer. */
  readonly results: readonly { readonly name: string; readonly result: string }[]
  readonly protectedFiles: readonly string[]
  readonly removedTests: readonly string[]
  readonly redExpected: readonly string[]
}

/** A checkout in which gates run, and the facts needed to detect whether they changed it. */
interface ProofFolder {
  readonly workspace: Workspace
  readonly commit: string
  /** The commit that `commit` is compared with. */
  readonly tip: string
  readonly tree: string
  readonly index: string
}

/** Runs every gate whose baseline on this commit is not yet known; throws as `baselinesOf`. */
export async function proveBase(context: Context, base: string): Promise<Pick<PhaseResult, 'artifacts'>> {
  const { services } = context
  if (services.settings.gates.length === 0) return {}
  const { evidence } = await baselinesOf(context, base)
  return { artifacts: evidence.map((data) => ({ kind: 'evidence', data })) }
}

/** Whether `commit` is the landing of a task of this run, whose gate results were stored when it was verified. */
async function isLanding({ services }: Context, commit: string): Promise<boolean> {
  if (commit === services.run.base) return false
  const text = (await readObject(services.root, commit))?.content.toString('utf8') ?? ''
  return text.includes(`\nBelay-Run: ${services.run.id}\n`)
}

async function refuseUseless(context: Context, base: string, baselines: readonly GateBaseline[]): Promise<void> {
  const { services, task } = context
  const { acceptRedBaseline, allowAbsentGates } = services.settings
  const absent = baselines.every((one) => one.result === 'absent')
  const hasSourceFiles =
    absent && (await gitTreeFiles(services.root, base).list()).some((path) => SOURCE_FILE.test(path))
  const stop = baselineStops(baselines, { acceptRedBaseline, allowAbsentGates, hasSourceFiles })
  if (stop === null) return
  const of = { project: services.project, tree: await treeOf(services.root, base) }
  await dropBaselines(services.record, of, { run: services.run.id, task: task.handle, epoch: task.epoch })
  throw new BelayError(stop.code, stop.message, {
    expected: 'gates that run on the base commit',
    next:
      stop.code === 'red_baseline'
        ? 'fix it and commit, then: belay run; or continue as it is: belay resume --accept-red-baseline'
        : 'fix verify.commands, then: belay run; or continue as it is: belay resume --allow-absent-gates',
  })
}

const SOURCE_FILE =
  /\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|kt|kts|scala|cs|fs|vb|php|c|cc|cpp|cxx|h|hpp|m|mm|swift|ex|exs|erl|hs|ml|clj|dart|lua|pl|pm|r|jl|zig|nim|sh|bash|vue|svelte)$/i

/**
 * The gates' baselines on a commit of the result branch: stored ones where they are known, else determined now. Throws (exit 2)
 * if the commit is the user's own (the run's base, or one that the run picked up later) and these gates cannot prove anything
 * there.
 */
async function baselinesOf(
  context: Context,
  commit: string,
): Promise<{ baselines: Map<string, GateBaseline>; evidence: Evidence[] }> {
  const { services, task } = context
  const tree = await treeOf(services.root, commit)
  const baselines = new Map<string, GateBaseline>()
  const evidence: Evidence[] = []
  let folder: ProofFolder | undefined
  for (const gate of services.settings.gates) {
    const key = baselineKey(tree, gate, services.gateEnv)
    const known = await getBaseline<KnownBaseline>(services.record.read, key)
    // Anything but `pass` is not reused from another run: the machine, which may differ by now, is not part of the key.
    let baseline: GateBaseline | null = known?.result === 'pass' || known?.run === services.run.id ? known : null
    if (baseline === null) {
      if (folder === undefined) {
        const opened = await openProof(context, { commit, tip: commit, tree })
        refuseSetup(opened.failed)
        folder = opened.folder
      }
      const seen = await observeGate(context, gate, folder)
      evidence.push(seen)
      baseline = await remember(context, gate, tree, seen)
      await report(context, 'baseline', seen)
    }
    baselines.set(gate.name, baseline)
  }
  if (folder) await services.workspaces.releaseProof(task.handle)
  if (!(await isLanding(context, commit))) await refuseUseless(context, commit, [...baselines.values()])
  return { baselines, evidence }
}

async function remember(context: Context, gate: GateSpec, tree: string, seen: Evidence): Promise<GateBaseline> {
  const { services, task } = context
  const baseline = classifyBaseline(seen)
  const key = baselineKey(tree, gate, services.gateEnv)
  const found = { key, project: services.project, gate: gate.name, tree, data: { ...baseline, run: services.run.id } }
  await putBaseline(services.record, found, { run: services.run.id, task: task.handle, epoch: task.epoch })
  return baseline
}

/** Runs every gate on the candidate, even after one has failed, and compares the results with the baselines of its tip. */
export async function proveCandidate(
  context: Context,
  candidate: Candidate,
  changes: readonly PathChange[],
): Promise<Proof> {
  const { services, task } = context
  const { gates, protectedGlobs } = services.settings
  const before = gitTreeFiles(services.root, candidate.tip)
  const after = gitTreeFiles(services.root, candidate.tree)
  const touched = await changedProtected(
    before,
    after,
    changes.map((change) => change.path),
    { gates, globs: protectedGlobs },
  )
  const protectedFiles = touched.map((change) => `${change.path} (${change.kind})`)
  const proof = {
    evidence: [] as Evidence[],
    baseline: [] as Evidence[],
    failed: [] as FailedGate[],
    results: [] as { name: string; result: string }[],
  }
  const removed: string[] = []
  const red: string[] = []
  if (gates.length === 0) return { ...proof, protectedFiles, removedTests: removed, redExpected: red }

  const { baselines, evidence } = await baselinesOf(context, candidate.tip)
  proof.baseline.push(...evidence)
  const commit = await commitTree(services.root, {
    tree: candidate.tree,
    parents: [candidate.tip],
    message: `belay: candidate of ${task.handle}\n`,
    sign: false,
  })
  const { folder, failed } = await openProof(context, { commit, tip: candidate.tip, tree: candidate.tree })
  if (failed) {
    await services.workspaces.releaseProof(task.handle)
    return { ...proof, failed: [failed], protectedFiles, removedTests: removed, redExpected: red }
  }
  for (const gate of gates) {
    const baseline = baselines.get(gate.name) ?? null
    // A gate that was absent on the base has no earlier script that the task could have weakened.
    const overlay = baseline?.result === 'absent' ? [] : await baseOverlay(before, after, gate)
    const seen = await observeGate(context, gate, folder)
    const judgement = await judgeGate(context, gate, folder, { seen, baseline, overlay })
    const judged: Evidence = { ...seen, ...judgement }
    const first = await testsFirst(context, judged, baseline, changes, after)
    await remember(context, gate, candidate.tree, seen)
    await report(context, 'verify', judged)
    proof.evidence.push(judged)
    if (first.length > 0) red.push(...first)
    else if (judged.result !== 'pass' && judged.result !== 'absent') proof.failed.push(failedGate(judged))
    proof.results.push({ name: gate.name, result: first.length > 0 ? RED_NOTE : judged.result })
    if (judged.report?.tests && baseline?.tests) {
      const { missing, skipped } = lostTests(judged.report.tests, baseline.tests)
      removed.push(...missing.map((test) => `gone: ${test}`), ...skipped.map((test) => `newly skipped: ${test}`))
    }
  }
  await services.workspaces.releaseProof(task.handle)
  return { ...proof, protectedFiles, removedTests: removed, redExpected: red }
}

/** If the task changed a gate's own script, the gate must pass with the base's script as well. */
async function judgeGate(
  context: Context,
  gate: GateSpec,
  folder: ProofFolder,
  facts: { readonly seen: Evidence; readonly baseline: GateBaseline | null; readonly overlay: readonly OverlayFile[] },
): Promise<Judgement> {
  const { seen, baseline, overlay } = facts
  const scriptsChanged = overlay.length > 0
  const options = { everRan: false, everHadTests: false, scriptsChanged }
  if (seen.reason?.code === CHANGED_TREE) return { result: 'fail', reason: seen.reason, notes: seen.notes }
  const own = judge(seen, baseline, gate, options)
  if (!scriptsChanged || (own.result !== 'pass' && own.result !== 'absent')) return own
  const { workspaces } = context.services
  await workspaces.cleanProof(folder.workspace, await overlaid(context, folder, overlay))
  const withBase = await observe(context, gate, folder)
  await workspaces.cleanProof(folder.workspace, folder.commit)
  const old = judge(withBase, baseline, gate, { ...options, scriptsChanged: false })
  if (old.result === 'pass') return own
  const names = overlay.map((file) => file.path).join(', ')
  return {
    result: 'fail',
    reason: {
      code: 'gate_script_changed',
      message: `the task changed what this gate runs (${names}), and with the base's version it does not pass: ${old.reason?.message ?? old.result}`,
    },
    notes: own.notes,
  }
}

/**
 * A commit of the candidate with the base's version of some files. Built inside git, so that symbolic links made by an agent
 * cannot redirect the writes.
 */
async function overlaid(context: Context, folder: ProofFolder, overlay: readonly OverlayFile[]): Promise<string> {
  const { root } = context.services
  const edits = new Map<string, TreeEdit>()
  for (const { path, as } of overlay) {
    if (as === 'without') {
      edits.set(path, null)
      continue
    }
    const entry = await treeEntry(root, folder.tip, path)
    edits.set(path, as === 'base' ? entry : { mode: entry?.mode ?? '100644', id: await writeBlob(root, as.text) })
  }
  const tree = await editTree(root, folder.tree, edits)
  return commitTree(root, { tree, parents: [folder.commit], message: 'belay: gates of the base\n', sign: false })
}

async function testsFirst(
  context: Context,
  judged: Evidence,
  baseline: GateBaseline | null,
  changes: readonly PathChange[],
  after: { read(path: string): Promise<string | null> },
): Promise<readonly string[]> {
  const said =
    stateOf(context.task).answer?.notes.some((note) => note.trim().toLowerCase().startsWith(RED_NOTE)) ?? false
  if (!said || judged.result !== 'fail') return []
  const added = changes.filter((change) => change.status === 'A').map((change) => change.path)
  const red = await redExpected(judged, baseline, added, (path) => after.read(path))
  return red.expected ? red.inAdded : []
}

async function openProof(
  context: Context,
  what: Pick<ProofFolder, 'commit' | 'tip' | 'tree'>,
): Promise<{ folder: ProofFolder; failed: FailedGate | null }> {
  const { workspace, failed } = await context.services.workspaces.proofCheckout(context, what.commit)
  const index = join(context.services.scratch, `proof-index-${randomId(8)}`)
  await seedIndex(workspace.gitDir, index)
  return { folder: { ...what, workspace, index }, failed }
}

/** Runs a gate and restores the checkout. A gate that changed tracked files has failed. */
async function observeGate(context: Context, gate: GateSpec, folder: ProofFolder): Promise<Evidence> {
  const seen = await observe(context, gate, folder)
  const changed = await changedFiles(folder)
  await context.services.workspaces.cleanProof(folder.workspace, folder.commit)
  if (changed.length === 0) return seen
  const message = `it changed files of the tree that it was to prove: ${changed.slice(0, 20).join(', ')}`
  return { ...seen, result: 'fail', reason: { code: CHANGED_TREE, message } }
}

const CHANGED_TREE = 'gate_changed_tree'

/** Runs a gate. Throws the reason if Belay ended it (interrupted, or the run's time is used up): it then has no result. */
async function observe({ services, task, signal }: Context, gate: GateSpec, folder: ProofFolder): Promise<Evidence> {
  const reportDir = join(services.scratch, `reports-${randomId(8)}`)
  await mkdir(reportDir, { recursive: true })
  const sandbox = await services.confine(folder.workspace.path, [reportDir], signal)
  const wall = services.budget.watchWall()
  const ended = AbortSignal.any([signal, wall.signal])
  try {
    const seen = await runGate(gate, {
      root: folder.workspace.path,
      tree: folder.tree,
      env: services.gateEnv,
      mark: taskMark(services.run.id, task.handle, task.epoch),
      signal: ended,
      reportDir,
      spawn: sandbox.spawn,
    })
    ended.throwIfAborted()
    return seen
  } finally {
    wall.dispose()
    await sandbox.close()
    await rm(reportDir, { recursive: true, force: true })
  }
}

/** Tracked files that differ from the tree, determined with an index that the gate could not reach. */
async function changedFiles(folder: ProofFolder): Promise<string[]> {
  const status = await git(
    ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=no', '--ignore-submodules=none'],
    {
      cwd: folder.workspace.path,
      env: { GIT_INDEX_FILE: folder.index },
    },
  )
  return status
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => entry.slice(3))
}

async function report(context: Context, phase: string, seen: Evidence): Promise<void> {
  await context.emit([
    {
      type: 'gate.finished',
      data: {
        gate: seen.gate,
        phase,
        attempt: context.task.attempt,
        result: seen.result,
        reason: seen.reason,
        exit_code: seen.exitCode,
        signal: seen.signal,
        timed_out: seen.timedOut,
        duration_ms: seen.durationMs,
        tree: seen.tree,
        counts: seen.report?.counts ?? null,
      },
    },
  ])
}

function failedGate(seen: Evidence): FailedGate {
  return {
    name: seen.gate,
    argv: seen.argv,
    exitCode: seen.exitCode,
    signal: seen.signal,
    why: seen.reason?.message ?? seen.result,
    outputHead: seen.outputHead,
    outputTail: seen.outputTail,
  }
}
