import { randomId } from '../../core/ids.ts'
import { patchText } from '../../git/patch.ts'
import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { listArtifacts } from '../../record/index.ts'
import { fits, reviewAnswer, type ReviewAnswer } from '../answers.ts'
import { nameOf, withEnv } from '../shared/role.ts'
import { ask } from '../shared/ask.ts'
import { afterBudget } from '../shared/faults.ts'
import { missingCriteria } from './criteria.ts'
import { afterFailure, waitForQuota } from './faults.ts'
import { MAX_DIFF, reviewPrompt } from './prompts.ts'
import type { DirectServices } from './services.ts'
import { openFindings, stateOf, withState, type DirectState, type Finding } from './state.ts'
import type { VerifyReport } from './verify.ts'

/** A finding named this often makes the implementer start over from the base in a new conversation. */
const FRESH_START_AT = 3
/** A finding named this often blocks the task. */
const GIVE_UP_AT = 5
/** A new conversation, and the files as they were before the first attempt. */
const FRESH = { session: null, snapshot: null }
const MINUTE_MS = 60_000

type Context = PhaseContext<DirectServices>

/** Another agent reviews the verified change. */
export const review: Phase<DirectServices> = {
  does: 'the reviewer judges the change in a throwaway checkout, with diff, evidence and criteria',
  deadlineMs: ({ roles }) => 3 * roles.reviewer.timeoutMs + 60 * MINUTE_MS,
  run: (context) => judge(context).catch(afterBudget),
  on: {
    pass: { to: 'integrate' },
    ask_person: { pause: 'waiting', at: 'decide' },
    rework: { to: 'implement' },
    replan: { end: 'replan' },
    blocked: { end: 'blocked' },
    failed: { end: 'blocked' },
    quota: { pause: 'suspended', at: 'review' },
    fault: { pause: 'suspended', at: 'review' },
    budget: { pause: 'suspended', at: 'review' },
  },
}

async function judge(context: Context): Promise<PhaseResult> {
  const { task, services } = context
  const state = stateOf(task)
  const { candidate } = state
  if (candidate === null) throw new Error(`task ${task.handle} came to review without a candidate`)
  const held = await waitForQuota(context, 'reviewer')
  if (held !== null) return held
  const report = await verifyReport(services, task.handle)
  const diff = patchText(services.root, candidate.tip, candidate.tree, MAX_DIFF)
  diff.catch(() => {}) // runs while the checkout is made; a failure is handled where it is awaited below
  const checkout = await services.workspaces.reviewCheckout(context, candidate)
  const asked = await ask(
    context,
    {
      role: 'reviewer',
      setup: withEnv(services.roles.reviewer, checkout.env),
      prompt: reviewPrompt(task, (await services.sourceOf(task)).reviewPrompt(task.handle), state, {
        diff: await diff,
        changedFiles: report.changedFiles,
        protectedFiles: report.protectedFiles,
        removedTests: report.removedTests,
        evidence: report.evidence,
        redExpected: report.redExpected,
      }),
      cwd: checkout.workspace.path,
      attempt: task.attempt,
      session: null,
    },
    fits(reviewAnswer, (answer) => missingCriteria(answer, task.definition.criteria)),
  )
    // oxlint-disable-next-line typescript/no-misused-promises -- finally waits for it
    .finally(() => checkout.endProcesses())
    .catch(async (error: unknown) => {
      await checkout.release()
      throw error
    })
  const { tampered, notes } = await checkout.release()
  const noted = [...tampered, ...notes].map((what) => ({ type: 'review.note', data: { note: what } }))
  if (asked.kind === 'failure') return { ...afterFailure(context, state, asked.failure), events: noted }
  if (asked.kind === 'invalid') {
    const error = {
      code: 'protocol' as const,
      message: `the review did not fit the schema: ${asked.problems.join('; ')}`,
      retryAt: null,
      stderrTail: '',
    }
    return { ...afterFailure(context, state, { status: 'failed', error }), events: noted }
  }
  const { answer } = asked
  const findings = follow(state, answer)
  const next: DirectState = {
    ...state,
    review: answer,
    findings,
    faults: 0,
    faultingSince: null,
    agents: { ...state.agents, reviewer: nameOf(asked.by) },
  }
  const event = {
    type: 'review.finished',
    session: asked.session,
    data: {
      verdict: answer.verdict,
      overall_risk: answer.overallRisk,
      findings: openFindings(next),
      checks: answer.acceptanceChecks,
      attempt: task.attempt,
    },
  }
  return {
    ...decide(next, answer, candidate.patch),
    artifacts: [{ kind: 'review', data: { answer, patch: candidate.patch, session: asked.session } }],
    events: [...noted, event],
  }
}

function decide(state: DirectState, answer: ReviewAnswer, patch: string): PhaseResult {
  const message = oneLine(answer.summary)
  switch (answer.verdict) {
    case 'pass': {
      const passed = withState(state, { reviewedPatch: patch })
      if (state.answer?.needsHumanAttention === true && !state.personApproved) return askPerson(state, passed)
      return { outcome: 'pass', state: passed }
    }
    case 'replan':
      return {
        outcome: 'replan',
        reason: { code: 'review_replan', message },
        state: withState(state, {}),
        attemptOutcome: 'replan',
      }
    case 'blocked':
      return {
        outcome: 'blocked',
        reason: { code: 'review_blocked', message },
        state: withState(state, {}),
        attemptOutcome: 'blocked',
      }
    case 'rework':
      return rework(state, message)
  }
}

function askPerson(state: DirectState, passed: Readonly<Record<string, unknown>>): PhaseResult {
  return {
    outcome: 'ask_person',
    state: passed,
    reason: { code: 'needs_person', message: 'the implementer wants a person to look at this change' },
    checkpoint: {
      kind: 'attention',
      question:
        'The change is proven and reviewed, but the implementer wants a person to look. Approve it, ask for rework (with a note), or block it?',
      options: ['approve', 'rework', 'block'],
      context: {
        summary: state.answer?.summary ?? '',
        notes: state.answer?.notes ?? [],
        assumptions: state.answer?.assumptions ?? [],
        unresolved: state.answer?.unresolvedItems ?? [],
      },
    },
  }
}

function rework(state: DirectState, message: string): PhaseResult {
  const worst = Math.max(0, ...openFindings(state).map((finding) => finding.seen))
  const tried = [...state.tried, `the review asked for rework: ${message}`].slice(-20)
  if (worst >= GIVE_UP_AT) {
    const stuck = openFindings(state).filter((finding) => finding.seen >= GIVE_UP_AT)
    const what = `the review named this ${worst} times: ${stuck.map((finding) => finding.issue).join('; ')}`
    // The task goes to implement, which ends it there, so that `belay unblock` gives it another attempt.
    return {
      outcome: 'rework',
      state: withState(state, {
        ...FRESH,
        setback: { kind: 'review' },
        tried,
        stuck: { code: 'findings_repeat', message: what },
      }),
      attemptOutcome: 'rework',
    }
  }
  // The same finding keeps coming back, so the conversation is stuck: the next attempt starts at the base without it.
  const fresh = worst >= FRESH_START_AT ? FRESH : {}
  return {
    outcome: 'rework',
    state: withState(state, {
      ...fresh,
      setback: { kind: 'review' },
      tried,
    }),
    attemptOutcome: 'rework',
  }
}

/**
 * Updates the findings with a review. One that is named again (by id, or by the same text and file) counts up; one that is not
 * named is resolved.
 */
function follow(state: DirectState, answer: ReviewAnswer): Finding[] {
  const known = [...state.findings]
  const named = new Set<string>()
  const fresh: Finding[] = []
  for (const { severity, issue, fixHint, file, repeats } of answer.findings) {
    const place = file ?? null
    const old = known.find(
      (one) => !named.has(one.id) && (one.id === repeats || (one.issue === issue && one.file === place)),
    )
    const id = old?.id ?? `f-${randomId(6)}`
    named.add(id)
    fresh.push({ id, severity, issue, fixHint, file: place, status: 'open', seen: (old?.seen ?? 0) + 1 })
  }
  const before = known.filter((one) => !named.has(one.id)).map((one): Finding => ({ ...one, status: 'resolved' }))
  return [...before, ...fresh]
}

async function verifyReport(services: DirectServices, handle: string): Promise<VerifyReport> {
  const artifact = (await listArtifacts(services.record.read, services.run.id, handle, 'verify')).at(-1)
  if (!artifact) throw new Error(`task ${handle} came to review without evidence`)
  return artifact.data as VerifyReport
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 500)
}
