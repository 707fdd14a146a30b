/** An ACP agent's permission requests (`session/request_permission`) and the answers to them. */
import type { Access, ApprovalAnswer, ApprovalRequest } from '../port.ts'
import { asFrame, asList, asText, type Frame } from '../stdio/index.ts'

const KINDS: Readonly<Record<string, ApprovalRequest['kind']>> = {
  execute: 'command',
  edit: 'file_change',
  delete: 'file_change',
  move: 'file_change',
  fetch: 'network',
}

/** Kinds of tool calls that change nothing and reach nothing outside. */
const HARMLESS = new Set(['read', 'search', 'think'])

/** Translates a request. `call`: what is known about the tool call; where both name a field, the request's own counts. */
export function approvalOf(id: string, call: Frame, cwd: string): ApprovalRequest {
  const input = asFrame(call.rawInput)
  const kind = KINDS[asText(call.kind) ?? ''] ?? 'tool'
  const title = asText(call.title) ?? asText(call.kind) ?? 'a tool call'
  const places = [...asList(call.locations), ...asList(call.content)].map((place) => asText(asFrame(place).path))
  return {
    id,
    kind,
    title,
    command: kind === 'command' ? commandOf(input) : null,
    cwd: asText(input.cwd) ?? asText(input.workdir) ?? cwd,
    paths: [...new Set(places.filter((path) => path !== null))],
    tool: { name: asText(call.name) ?? asText(call.kind) ?? 'tool', input: call.rawInput ?? null },
    reason: asText(input.justification) ?? asText(input.description) ?? asText(input.reason),
  }
}

/** The command line, from the call's input only: the title is text for people. */
function commandOf(input: Frame): string | null {
  const text = asText(input.command) ?? asText(input.cmd)
  if (text !== null) return text
  const words = asList(input.command).map(asText)
  if (words.length === 0 || words.includes(null)) return null
  // A shell around the command is left out: what it runs is the command.
  return /^(.*\/)?(ba|z|da)?sh$/.test(words[0] ?? '') && /^-l?c$/.test(words[1] ?? '') && words.length === 3
    ? (words[2] ?? null)
    : words.map((word) => quoted(word ?? '')).join(' ')
}

function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/**
 * Decides when there is no approver: allows what `access` covers. `confines`: the agent only asks about what its sandbox
 * forbids.
 */
export function withoutApprover(call: Frame, access: Access, confines: boolean): ApprovalAnswer {
  const covered =
    access === 'full' ||
    (access === 'workspace-write' && !confines) ||
    (access === 'read-only' && HARMLESS.has(asText(call.kind) ?? ''))
  return covered
    ? { decision: 'allow', reason: `covered by ${access}` }
    : { decision: 'deny', reason: `not covered by ${access}, and nobody is there to ask` }
}

/**
 * The outcome to send. Only ever allows or rejects once, because the protocol does not define what `always` covers or where it
 * is stored. An agent that offers no such option is told that the request was cancelled.
 */
export function outcomeOf(options: unknown, answer: ApprovalAnswer | null): { readonly outcome: Frame } {
  const wanted = answer === null ? null : answer.decision === 'deny' ? 'reject_once' : 'allow_once'
  const option = asList(options)
    .map(asFrame)
    .find(({ kind }) => kind === wanted)
  const optionId = option === undefined ? null : asText(option.optionId)
  return { outcome: optionId === null ? { outcome: 'cancelled' } : { outcome: 'selected', optionId } }
}
