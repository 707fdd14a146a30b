import type { AssistantMessage, AssistantMessageEvent } from '@earendil-works/pi-ai'
import type { ResolvedModel } from './resolve.ts'

/** Many times what the longest answer of a model is, in UTF-16 units. */
const ANSWER_MAX = 8 << 20

export const ENDLESS = `the answer has no end: it was cut off after ${ANSWER_MAX} characters`

/** Wire formats whose calls come in pieces only, which are mended when they do not fit together. */
const IN_PIECES = new Set(['openai-completions', 'anthropic-messages'])

/** An answer of a model while it comes in. */
export class PartialAnswer {
  readonly #inPieces: boolean
  readonly #calls = new Map<number, string>()
  #size = 0

  constructor({ api }: Pick<ResolvedModel, 'api'>) {
    this.#inPieces = IN_PIECES.has(api)
  }

  /** Takes the next event. False: it is longer than any answer, and has to be cut off. */
  add(event: AssistantMessageEvent): boolean {
    if (!('delta' in event)) return true
    this.#size += event.delta.length
    if (event.type === 'toolcall_delta' && this.#inPieces)
      this.#calls.set(event.contentIndex, (this.#calls.get(event.contentIndex) ?? '') + event.delta)
    return this.#size <= ANSWER_MAX
  }

  /**
   * The whole answer. A call whose input broke off is mended on the way here (`rm -r build/old` may have become `rm -r build`),
   * so that the answer is one that was cut off, whatever its service says.
   */
  complete(message: AssistantMessage): AssistantMessage {
    const isCut = [...this.#calls.values()].some((text) => !isWhole(text))
    if (!isCut || message.stopReason === 'length') return message
    return { ...message, stopReason: 'length', errorMessage: BROKEN_OFF }
  }
}

const BROKEN_OFF = 'the input of a call broke off'

/** Of an answer that was cut off among its calls: what the model is told of each, and what comes of it when it goes on so. */
export function cutIn({ errorMessage }: AssistantMessage): { readonly told: string; readonly counted: string } {
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

/**
 * Whether nothing is open at its end. What is wrong in another way is mended rightly: some servers leave line feeds in strings.
 */
function isWhole(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (quoted && char === '\\') i += 1
    else if (char === '"') quoted = !quoted
    else if (!quoted && (char === '{' || char === '[')) depth += 1
    else if (!quoted && (char === '}' || char === ']')) depth -= 1
  }
  return !quoted && depth <= 0
}
