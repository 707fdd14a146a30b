import type { ReviewAnswer } from '../answers.ts'

/**
 * The criteria that a review with verdict `pass` has not covered, as sentences for the reviewer. Every criterion of the source
 * needs a passing check of its own that repeats its words. White space, markup and case are ignored. A criterion is not covered
 * if its checks disagree, or if it shares one check with another criterion of the same text.
 */
export function missingCriteria(answer: ReviewAnswer, criteria: readonly string[]): string[] {
  if (answer.verdict !== 'pass') return []
  const checks = Map.groupBy(answer.acceptanceChecks, (one) => essence(one.criterion))
  const problems: string[] = []
  for (const [text, alike] of Map.groupBy(criteria, essence)) {
    const found = checks.get(text) ?? []
    const name = JSON.stringify(alike[0])
    if (found.some((one) => one.status !== 'pass') && found.some((one) => one.status === 'pass')) {
      problems.push(`acceptanceChecks: the checks of the criterion ${name} disagree; give it one check with one status`)
    } else if (found.filter((one) => one.status === 'pass').length < alike.length) {
      const each = alike.length === 1 ? '' : ` (${alike.length} criteria read so; each needs a check)`
      problems.push(`acceptanceChecks: no passing check for the criterion ${name}${each}; use its exact text`)
    }
  }
  return problems
}

/** A criterion in lower case, without Markdown markup, and with white space collapsed and trimmed. */
function essence(text: string): string {
  const plain = text
    .normalize('NFC')
    .replace(/^\s*(?:#+\s+|>\s+|[-*+]\s+|\d+[.)]\s+)*(?:\[[ xX]\]\s+)?/, '')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
    .replace(/[`*]|~~/g, '')
    .replace(/(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, '')
  const found = plain.replace(/\s+/g, ' ').trim().toLowerCase()
  return found === '' ? text.trim() : found
}
