import { commitTree } from '../../git/commit.ts'
import { isSamePatch, patchOf } from '../../git/patch.ts'
import {
  changedPaths,
  editTree,
  mergeTrees,
  readBlob,
  treeEntry,
  treeOf,
  writeBlob,
  type TreeEdit,
} from '../../git/trees.ts'
import type { Evidence } from '../../gates/port.ts'
import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import type { TaskRow } from '../../record/index.ts'
import { afterBudget } from '../shared/faults.ts'
import { proveCandidate } from './prove-candidate.ts'
import type { DirectServices } from './services.ts'
import { stateOf, withState, type Candidate, type DirectState } from './state.ts'

/** Conflicts with other tasks do not count as failed attempts, but they must not repeat forever. */
const MAX_CONFLICTS = 10
const MINUTE_MS = 60_000

type Context = PhaseContext<DirectServices>

/** What verify found out, for the reviewer and for the record. */
export interface VerifyReport {
  readonly tip: string
  readonly tree: string
  readonly changedFiles: readonly string[]
  readonly protectedFiles: readonly string[]
  readonly removedTests: readonly string[]
  /** Failing tests in files added by this task that are meant to fail for now. */
  readonly redExpected: readonly string[]
  readonly evidence: readonly Evidence[]
}

/** Puts the change on the tip of the result branch and runs the gates there. */
export const verify: Phase<DirectServices> = {
  does: 'builds the candidate (tip of result, the change, the tick) and runs every gate on exactly that tree',
  deadlineMs: ({ settings }) => settings.gates.reduce((sum, gate) => sum + 3 * gate.timeoutMs, 0) + 4 * 60 * MINUTE_MS,
  run: (context) => proveChange(context).catch(afterBudget),
  on: {
    passed: { to: 'review' },
    reviewed: { to: 'integrate' },
    failed: { to: 'implement' },
    conflict: { to: 'implement' },
    conflicts: { end: 'blocked' },
    budget: { pause: 'suspended', at: 'verify' },
  },
}

async function proveChange(context: Context): Promise<PhaseResult> {
  const { task, services } = context
  const state = stateOf(task)
  const tip = await services.landing.tip()
  const merged = await changeOnTip(services, state, tip)
  if ('conflicts' in merged) return conflict(context, state, tip, merged)
  const patch = await patchOf(services.root, tip, merged.tree)
  const tree = await withTick(services, task, tip, merged.tree)
  const candidate: Candidate = { tip, tree, patch }
  const changes = await changedPaths(services.root, tip, tree)
  const proof = await proveCandidate(context, candidate, changes)
  const report: VerifyReport = {
    tip,
    tree,
    changedFiles: changes.map((change) => change.path),
    protectedFiles: proof.protectedFiles,
    removedTests: proof.removedTests,
    redExpected: proof.redExpected,
    evidence: proof.evidence,
  }
  const artifacts = [
    { kind: 'verify', data: report },
    ...proof.baseline.map((data) => ({ kind: 'evidence', data, phase: 'baseline' })),
    ...proof.evidence.map((data) => ({ kind: 'evidence', data })),
  ]
  if (proof.failed.length > 0) {
    return {
      outcome: 'failed',
      state: withState(state, {
        candidate: null,
        setback: { kind: 'gates', gates: proof.failed },
        tried: [
          ...state.tried,
          `checks failed: ${proof.failed.map((gate) => `${gate.name} (${gate.why})`).join(', ')}`,
        ].slice(-20),
      }),
      attemptOutcome: 'gates_failed',
      artifacts,
    }
  }
  const next = withState(state, { candidate, gates: proof.results })
  // An empty change that a person accepted needs no review. A change that passed review stays passed as long as it is the same.
  const wantsPerson = state.answer?.needsHumanAttention === true && !state.personApproved
  const reviewed =
    state.emptyAccepted ||
    (!wantsPerson &&
      patch !== '' &&
      state.reviewedPatch !== null &&
      (await isSamePatch(services.root, state.reviewedPatch, patch)))
  await services.workspaces.keepCandidate(context, candidate, merged.tree)
  return { outcome: reviewed ? 'reviewed' : 'passed', state: next, artifacts }
}

type OnTip = { readonly tree: string } | { readonly tree: string; readonly conflicts: readonly string[] }

async function changeOnTip(services: DirectServices, state: DirectState, tip: string): Promise<OnTip> {
  const { snapshot } = state
  if (snapshot === null) return { tree: await treeOf(services.root, tip) }
  if (snapshot.base === tip) return { tree: snapshot.tree }
  return mergeTrees(services.root, tip, snapshot.commit)
}

/** Puts the conflicting change on the tip, with conflict markers, for the implementer to resolve. */
async function conflict(
  context: Context,
  state: DirectState,
  tip: string,
  merged: { readonly tree: string; readonly conflicts: readonly string[] },
): Promise<PhaseResult> {
  const { services } = context
  const conflicts = state.conflicts + 1
  const paths = merged.conflicts
  if (conflicts > MAX_CONFLICTS) {
    return {
      outcome: 'conflicts',
      reason: {
        code: 'conflicts',
        message: `the change conflicted ${conflicts} times with other tasks: ${paths.join(', ')}`,
      },
      state: withState(state, { conflicts: 0 }),
    }
  }
  const commit = await commitTree(services.root, {
    tree: merged.tree,
    parents: [tip],
    message: 'belay: change with conflicts\n',
    sign: false,
  })
  await services.workspaces.keepSnapshot(context, commit)
  return {
    outcome: 'conflict',
    state: withState(state, {
      base: tip,
      snapshot: { base: tip, tree: merged.tree, commit },
      candidate: null,
      conflicts,
      setback: { kind: 'conflict', paths },
    }),
    // The implementer's turn succeeded; the conflict must not use up an attempt.
    change: { attempt: Math.max(0, context.task.attempt - 1) },
    events: [{ type: 'attempt.conflict', data: { paths, conflicts } }],
  }
}

/** `tree` with the task ticked in the source file as it is at the tip. */
async function withTick(services: DirectServices, task: TaskRow, tip: string, tree: string): Promise<string> {
  const tick = (await services.sourceOf(task)).tick(task.handle)
  if (tick === null) return tree
  const mode = (await treeEntry(services.root, tip, tick.path))?.mode ?? '100644'
  const text = await readBlob(services.root, tip, tick.path)
  const ticked = text === null ? null : tick.apply(text.toString('utf8'))
  if (ticked === null) throw new Error(`task ${task.handle} is not in ${tick.path} at ${tip}`)
  const edits = new Map<string, TreeEdit>([[tick.path, { mode, id: await writeBlob(services.root, ticked) }]])
  return editTree(services.root, tree, edits)
}
