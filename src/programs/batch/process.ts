import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { endMarked, taskMark } from '../../process/index.ts'
import { ask, type Asked } from '../shared/ask.ts'
import { NO_FAULTS, afterBudget, judgeFailure, kindOf, reasonOf, type Failure } from '../shared/faults.ts'
import { readInput } from './input.ts'
import { filePrompt } from './prompt.ts'
import type { BatchServices } from './services.ts'
import { afterFailedTry, attemptsLeft, beginTry, noneLeft } from './setback.ts'
import { stateOf, withState } from './state.ts'

const MINUTE_MS = 60_000

type Context = PhaseContext<BatchServices>

/** One agent turn for one file. (Not called `process`, which is a Node global.) */
export const processFile: Phase<BatchServices> = {
  does: "one agent turn with the file's content as it is now; the answer is checked against the schema",
  // The turn has its own limit; this one leaves room for re-asks.
  deadlineMs: ({ role }) => 3 * role.timeoutMs + 10 * MINUTE_MS,
  run: (context) => answerFor(context).catch(afterBudget),
  on: {
    answered: { to: 'persist' },
    again: { pause: 'suspended', at: 'prepare' },
    exhausted: { end: 'blocked' },
    unsuitable: { end: 'blocked' },
    failed: { end: 'blocked' },
    quota: { pause: 'suspended', at: 'prepare' },
    fault: { pause: 'suspended', at: 'prepare' },
    budget: { pause: 'suspended', at: 'prepare' },
  },
}

async function answerFor(context: Context): Promise<PhaseResult> {
  const { task, services } = context
  if (attemptsLeft(context) <= 0) return noneLeft(context)
  const { unusable } = services.agent
  if (unusable) return { outcome: 'failed', reason: { code: unusable.code, message: `not tried: ${unusable.message}` } }
  const spent = quotaSpent(context)
  if (spent) return spent
  // Read again: after a retry or a wait between phases, the file may have changed.
  const input = await readInput(services.root, task.handle, services.settings.maxFileSize)
  if (input.kind === 'unsuitable') return { outcome: 'unsuitable', reason: input.reason }
  const attempt = task.attempt + 1
  await beginTry(context, attempt)
  if (input.kind === 'unreadable') return afterFailedTry(context, input.reason)
  const asked = await takeTurn(context, input.text)
  if (asked.kind === 'failure') return afterFailure(context, asked.failure, asked.session)
  if (asked.kind === 'invalid') {
    const message = `the answer does not fit the schema: ${asked.problems.join('; ')}`
    return afterFailedTry(context, { code: 'invalid_answer', message }, asked.session)
  }
  const { digest } = input
  const { output } = asked.answer
  return {
    outcome: 'answered',
    state: withState(stateOf(task), { ...NO_FAULTS, digest, answer: { output }, setback: null }),
    change: { attempt },
    attemptOutcome: 'answered',
    attemptSession: asked.session,
    artifacts: [{ kind: 'answer', data: { digest, output } }],
  }
}

/** Holds a file back while the quota that another file of this run hit is still used up. */
function quotaSpent({ task, services }: Context): PhaseResult | null {
  const { quota } = services.agent
  if (quota === null || quota.until <= services.record.clock.now()) return null
  const change = { wakeAt: new Date(quota.until).toISOString(), faults: task.faults + 1 }
  return { outcome: 'quota', reason: quota.reason, change }
}

/** The agent works in an empty folder that is deleted afterwards, because it must not touch the files themselves. */
async function takeTurn(context: Context, content: string): Promise<Asked<{ readonly output: unknown }>> {
  const { task, services } = context
  const { settings, role } = services
  const name = createHash('sha256').update(task.handle).digest('hex').slice(0, 20)
  const folder = join(services.scratch, 'files', name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  try {
    return await ask(
      context,
      {
        role: 'batch',
        setup: role,
        prompt: filePrompt(settings.prompt, task.handle, content, stateOf(task)),
        cwd: folder,
        attempt: task.attempt + 1,
        session: null,
      },
      services.expected,
    )
  } finally {
    await endMarked(taskMark(services.run.id, task.handle, task.epoch))
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Provider failures are waited out and do not count as attempts. An agent that cannot work at all stops the other files too.
 * Every other failure counts as an attempt.
 */
function afterFailure(context: Context, failure: Failure, by: string | null): PhaseResult {
  context.signal.throwIfAborted()
  const { task, services } = context
  const session = by ?? undefined
  const ended = { attemptOutcome: 'failed', ...(session === undefined ? {} : { attemptSession: session }) }
  switch (kindOf(failure)) {
    case 'auth':
    case 'spawn':
      services.agent.unusable = reasonOf(failure)
      return { outcome: 'failed', reason: reasonOf(failure), ...ended }
    case 'quota':
    case 'rate_limit':
    case 'provider': {
      const after = judgeFailure(failure, stateOf(task), services.record.clock.now())
      if (after.kind === 'stop')
        return { outcome: 'failed', reason: after.reason, state: withState(stateOf(task), NO_FAULTS) }
      if (after.outcome === 'quota') services.agent.quota = { until: after.at, reason: after.reason }
      return {
        outcome: after.outcome,
        reason: after.reason,
        state: withState(stateOf(task), after.history),
        change: { wakeAt: new Date(after.at).toISOString(), faults: task.faults + 1 },
      }
    }
    case 'protocol':
    case 'failed':
    case 'interrupted':
    case 'timeout':
    case 'stall':
      return afterFailedTry(context, reasonOf(failure), session)
  }
}
