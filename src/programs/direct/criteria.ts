import type { ReviewAnswer } from '../answers.ts'

/**
 * What keeps a review that passes from being one, as sentences for the reviewer: every criterion of the source needs a check
 * of its own, with its words, that passes. White space, markup and case do not count. A criterion with checks that disagree,
 * or two that read alike with one check between them, is not passed.
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

/** A criterion without white space at its ends and in runs, Markdown's marks, and case. */
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
