import type { AssistantMessage, AssistantMessageEvent } from '@earendil-works/pi-ai'
import type { ResolvedModel } from './resolve.ts'

/** In UTF-16 units; many times the longest answer of any model. */
const ANSWER_MAX = 8 << 20

export const ENDLESS = `the answer has no end: it was cut off after ${ANSWER_MAX} characters`

/** Wire formats that deliver a call's input in pieces and repair JSON that is incomplete. */
const IN_PIECES = new Set(['openai-completions', 'anthropic-messages'])

/** A model's answer while it arrives. */
export class PartialAnswer {
  readonly #inPieces: boolean
  readonly #calls = new Map<number, string>()
  #size = 0

  constructor({ api }: Pick<ResolvedModel, 'api'>) {
    this.#inPieces = IN_PIECES.has(api)
  }

  /** Takes the next event. Returns false when the answer is longer than any real one and must be cut off. */
  add(event: AssistantMessageEvent): boolean {
    if (!('delta' in event)) return true
    this.#size += event.delta.length
    if (event.type === 'toolcall_delta' && this.#inPieces)
      this.#calls.set(event.contentIndex, (this.#calls.get(event.contentIndex) ?? '') + event.delta)
    return this.#size <= ANSWER_MAX
  }

  /**
   * The complete answer. The wire format repairs a call whose input was cut off (`rm -r build/old` may have become `rm -r
   * build`), and merges calls with the same id or index into one with the name and input of the first. In both cases the answer
   * is marked as cut off, whatever the service reports.
   */
  complete(message: AssistantMessage): AssistantMessage {
    if (message.stopReason === 'length') return message
    const inputs = [...this.#calls.values()]
    const wrong = inputs.some((text) => !isWhole(text)) ? BROKEN_OFF : inputs.some(isSeveral) ? MERGED : null
    return wrong === null ? message : { ...message, stopReason: 'length', errorMessage: wrong }
  }
}

const BROKEN_OFF = 'the input of a call broke off'
const MERGED = 'calls cannot be told apart'

/**
 * For an answer that was cut off while it made calls: what the model is told about each, and the reason why the turn ends if
 * this keeps happening.
 */
export function cutIn({ errorMessage }: AssistantMessage): { readonly told: string; readonly counted: string } {
  if (errorMessage === MERGED) {
    return {
      told: 'It was not run: this answer makes several calls under one id, and they cannot be told apart. Make one call at a time.',
      counted: 'the service gives several calls of an answer one id',
    }
  }
  if (errorMessage !== BROKEN_OFF) {
    return {
      told: 'It was not run: the answer was cut off at its length limit. Make smaller calls.',
      counted: 'answers are cut off at their length limit',
    }
  }
  return {
    told: 'It was not run: the JSON of a call in this answer has no end. Make the call again, whole; if it is long, make smaller ones.',
    counted: 'calls break off in the middle of their input',
  }
}

/** Whether every string and bracket is closed. Repairing other errors is safe: some servers leave raw line feeds in strings. */
function isWhole(text: string): boolean {
  const { depth, quoted } = topLevel(text)
  return !quoted && depth <= 0
}

/** Whether `text` consists of several objects that are not all equal. */
function isSeveral(text: string): boolean {
  return new Set(topLevel(text).objects).size > 1
}

function topLevel(text: string): { readonly depth: number; readonly quoted: boolean; readonly objects: string[] } {
  const objects: string[] = []
  let begin = 0
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (quoted && char === '\\') i += 1
    else if (char === '"') quoted = !quoted
    else if (!quoted && (char === '{' || char === '[')) {
      if (depth === 0) begin = i
      depth += 1
    } else if (!quoted && (char === '}' || char === ']')) {
      depth -= 1
      if (depth === 0) objects.push(text.slice(begin, i + 1))
    }
  }
  return { depth, quoted, objects }
}
