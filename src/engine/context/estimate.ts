import type { Message, Tool } from '@earendil-works/pi-ai'
import type { Seen } from '../history/view.ts'

/** Characters per token of code and English, a cautious estimate. Other scripts take about one token per character. */
const CHARACTERS = 3.5
const PER_MESSAGE = 6

/** Estimated number of tokens of `text`. */
export function estimateText(text: string): number {
  // Nearly all text is ASCII, which this check sees at once; only other text is counted character by character.
  if (Buffer.byteLength(text) === text.length) return Math.ceil(text.length / CHARACTERS)
  let wide = 0
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) wide += 1
  return Math.ceil((text.length - wide) / CHARACTERS + wide)
}

export function estimateMessage(message: Message): number {
  if (typeof message.content === 'string') return estimateText(message.content) + PER_MESSAGE
  let total = PER_MESSAGE
  for (const part of message.content) {
    if (part.type === 'text') total += estimateText(part.text)
    else if (part.type === 'thinking')
      total += estimateText(part.thinking) + estimateText(part.thinkingSignature ?? '') / 2
    else if (part.type === 'toolCall')
      total += estimateText(part.name) + estimateText(JSON.stringify(part.arguments)) + PER_MESSAGE
    else total += 1500 // an image
  }
  return Math.ceil(total)
}

/** Size of what every request carries besides the conversation. */
export function estimateFixed(system: string, tools: readonly Tool[]): number {
  return estimateText(system) + estimateText(JSON.stringify(tools))
}

/**
 * Size of a request in tokens: what the provider reported for the last answer plus an estimate of everything after it. If no
 * plausible report came after entry `since` (the last one that changed the view), all of it is estimated.
 */
export function sizeOf(seen: readonly Seen[], fixed: number, since: number): number {
  const estimates = seen.map(({ message }) => estimateMessage(message))
  const all = fixed + sum(estimates)
  const last = seen.findLastIndex(({ message, index }) => message.role === 'assistant' && (index ?? -1) > since)
  const message = seen[last]?.message
  if (message?.role !== 'assistant') return all
  const { input, output, cacheRead, cacheWrite } = message.usage
  const reported = input + output + cacheRead + cacheWrite
  const upTo = fixed + sum(estimates.slice(0, last + 1))
  // Some servers report nothing, or only the tokens that were not in their cache.
  return reported < upTo / 2 ? all : reported + sum(estimates.slice(last + 1))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
