import type { ToolCall } from '@earendil-works/pi-ai'
import { isJsonObject } from '../../core/json.ts'
import type { Emit } from '../events.ts'
import type { Tool, ToolContext, ToolResult } from '../port.ts'
import { askPerson, type Ask, type Asker } from './ask.ts'
import type { DoomWatch } from './doom.ts'
import { judge, tellHooks, type ToolHook } from './hooks.ts'
import { inBatches, notRun, prepare, runTool, type Prepared } from './prepare.ts'
import { approvalKey } from './approval-key.ts'

/** What all calls of a turn share. */
export interface Calling {
  /** The tools available at the time of a call. */
  readonly tools: () => readonly Tool[]
  readonly hooks: readonly ToolHook[]
  readonly context: ToolContext
  readonly asker: Asker | null
  readonly doom: DoomWatch
  /** Runs work one at a time, so that a person is asked one thing at a time. */
  readonly oneByOne: <T>(work: () => Promise<T>) => Promise<T>
  /** Aborts the running calls, because a result could not be stored. */
  stop(error: unknown): void
  /** Keys (`approvalKey`) of the calls that a person has allowed for the rest of the conversation. */
  readonly allowed: Set<string>
  readonly emit: Emit
  readonly now: () => number
  /** Stores a result; durable when it resolves. */
  keep(call: ToolCall, result: ToolResult, skipped: boolean): Promise<void>
  keepAllowed(key: string): Promise<void>
  /** Notes a refused call for the report. */
  refused(title: string, reason: string): void
}

/** `doom`: the turn must end, because the model keeps repeating itself. */
export type CallsEnd = 'done' | 'doom'

/** The most reads that run at once. */
const SIDE_BY_SIDE = 8

/**
 * Makes the calls of one answer: neighbouring reads side by side, all others one after the other. Every call gets exactly one
 * result, even if it is refused, names an unknown tool, throws, or the turn ends first. Rejects when a result cannot be stored:
 * calls that are running are aborted, no other call begins.
 */
export async function makeCalls(calls: readonly ToolCall[], calling: Calling): Promise<CallsEnd> {
  let doomed = false
  let broken: { readonly error: unknown } | null = null
  for (const batch of inBatches(calls.map((call) => prepare(call, calling.tools())))) {
    const waiting = [...batch]
    const work = async (): Promise<void> => {
      for (let one = waiting.shift(); one && broken === null; one = waiting.shift()) {
        try {
          const verdict = doomed ? 'stop' : calling.doom.judge(one.call.name, one.call.arguments)
          doomed ||= verdict === 'stop'
          if (verdict === 'run') await makeCall(one, calling)
          else await refuse(one, REPEATED[verdict], calling)
        } catch (error) {
          broken ??= { error }
          calling.stop(error)
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, batch.length) }, work))
    throwIf(broken)
  }
  return doomed ? 'doom' : 'done'
}

const REPEATED = {
  skip: 'It was not run: this answer asks for it again and again.',
  stop: 'It was not run: this has been repeated too often, and the turn ends here.',
} as const

function throwIf(broken: { readonly error: unknown } | null): void {
  if (broken !== null) throw broken.error
}

async function makeCall(one: Prepared, calling: Calling): Promise<void> {
  const { context, emit } = calling
  const started = calling.now()
  // Recorded before the first await, so that reads running beside this one are judged with it.
  const cameOfIt = calling.doom.begin(one.call.name, one.call.arguments)
  const skip = async (text: string): Promise<void> => {
    cameOfIt(text)
    await refuse(one, text, calling)
  }
  if (!('tool' in one)) return skip(one.refusal)
  if (context.signal.aborted) return skip('It was not run: the turn was ended before.')
  emit({ type: 'tool', ...shown(one), status: 'running', result: null, durationMs: null })
  const hookCall = { tool: one.tool, input: one.input, context }
  const bar = await permit(one, calling)
  if (bar !== null) {
    if (bar.isRefusal) calling.refused(one.title, bar.reason)
    return skip(`It was not run: ${bar.reason}`)
  }
  const result = await runTool(() => one.tool.run(one.input, context), one.call.name)
  cameOfIt(result.text)
  await calling.keep(one.call, result, false)
  const status = result.isError ? 'failed' : 'completed'
  emit({ type: 'tool', ...shown(one), status, result, durationMs: calling.now() - started })
  await tellHooks(hookCall, result, calling.hooks, (hook, message) =>
    emit({ type: 'warning', code: 'hook_failed', message: `${hook}: ${message}` }),
  )
}

/** Why a call may not be made. Not a refusal: the turn ended before there was an answer. */
interface Bar {
  readonly reason: string
  readonly isRefusal: boolean
}

/** null: the call may be made. */
async function permit(one: Extract<Prepared, { tool: unknown }>, calling: Calling): Promise<Bar | null> {
  const { context } = calling
  const demand = await judge({ tool: one.tool, input: one.input, context }, calling.hooks)
  if (demand.decision === 'allow') return null
  if (demand.decision === 'deny') return { reason: demand.reason, isRefusal: true }
  return calling.oneByOne(() => askFor(one, demand.reason, calling))
}

async function askFor(
  one: Extract<Prepared, { tool: unknown }>,
  reason: string,
  calling: Calling,
): Promise<Bar | null> {
  const { context, emit } = calling
  const key = approvalKey(one.tool, one.input, context)
  if (calling.allowed.has(key)) return null
  if (context.signal.aborted) return { reason: 'the turn was ended before anybody was asked', isRefusal: false }
  const ask: Ask = {
    id: one.call.id,
    tool: one.call.name,
    title: one.title,
    input: one.input,
    command: isJsonObject(one.input) && typeof one.input.command === 'string' ? one.input.command : null,
    cwd: context.workspace,
    reason,
  }
  emit({ type: 'approval', ask, state: 'asked', answer: null })
  const answer = await askPerson(calling.asker, ask, context.signal)
  emit({ type: 'approval', ask, state: answer === null ? 'withdrawn' : 'answered', answer })
  if (answer === null) return { reason: 'the turn was ended before anybody answered', isRefusal: false }
  if (answer.decision === 'deny') return { reason: `${reason} (${answer.reason})`, isRefusal: true }
  if (answer.decision === 'allow_session') {
    calling.allowed.add(key)
    await calling.keepAllowed(key)
  }
  return null
}

async function refuse(one: Prepared, text: string, calling: Calling): Promise<void> {
  const result = notRun(text)
  await calling.keep(one.call, result, true)
  calling.emit({ type: 'tool', ...shown(one), status: 'failed', result, durationMs: null })
}

function shown(one: Prepared): { id: string; name: string; title: string; input: unknown } {
  const { id, name, arguments: input } = one.call
  return { id, name, title: 'title' in one ? one.title : name, input }
}
