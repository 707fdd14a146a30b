import {
  baseOverlay,
  changedProtected,
  judge,
  lostTests,
  redExpected,
  type Evidence,
  type GateBaseline,
  type GateSpec,
  type Judgement,
  type OverlayFile,
} from '../../gates/index.ts'
import { commitTree } from '../../git/commit.ts'
import { gitTreeFiles } from '../../git/tree-files.ts'
import { editTree, treeEntry, writeBlob, type PathChange, type TreeEdit } from '../../git/trees.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { CHANGED_TREE, observe, observeGate, openProof, report, type ProofFolder } from './proof-folder.ts'
import { baselinesOf, remember } from './prove-base.ts'
import type { DirectServices } from './services.ts'
import { RED_NOTE, stateOf, type Candidate, type FailedGate } from './state.ts'

type Context = PhaseContext<DirectServices>

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
