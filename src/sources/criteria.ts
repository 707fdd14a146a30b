/** Finds the sentences below a task that say when it is done. */
import { head } from '../core/text.ts'
import type { Item } from './outline.ts'
import { details, paragraph } from './title.ts'

/** A reviewer answers each criterion separately. More or longer texts than this are a document, not a list of criteria. */
const MAX_CRITERIA = 30
const MAX_LENGTH = 600

const ACCEPTANCE =
  /^[*_\s]*(?:acceptance(?:[\s-]+(?:criteria|criterion|tests?|scenarios?))?|criteria|ac[\s-]*\d*|done[\s-]+when|definition of done|dod|completion(?:[\s-]+criteria)?|success[\s-]+criteria|verif(?:y|ication)|validation|expected(?:[\s-]+(?:results?|outcome))?|must)[*_\s]*:[*_\s]*/i
const LABEL_ONLY = /:[*_\s]*$/
const OTHER_LABEL = /^[*_]*[A-Z][\w /&-]{0,40}[*_]*:(?:[*_]*\s|[*_]*$)/

/** `boxes`: below a task, only boxes and text labelled as acceptance are criteria. `all`: every nested bullet is one. */
export type CriteriaRule = 'boxes' | 'all'

/** The title, followed by the criteria below the task in file order, without duplicates. */
export function criteriaOf(
  item: Item,
  title: string,
  rule: CriteriaRule,
  isOwnTask: (item: Item) => boolean,
): string[] {
  const found = new Set([clean(title)])
  collect(item, isOwnTask, rule === 'all', found)
  return [...found].filter((text) => text !== '').slice(0, MAX_CRITERIA)
}

function collect(item: Item, isOwnTask: (item: Item) => boolean, wanted: boolean, found: Set<string>): void {
  let here = wanted
  for (const part of details(item)) {
    if (typeof part === 'string') {
      // A label in its own paragraph applies to the bullets after it.
      const label = ACCEPTANCE.exec(part)
      if (label) {
        here = true
        found.add(clean(part.slice(label[0].length)))
      } else if (OTHER_LABEL.test(part) || LABEL_ONLY.test(part)) here = wanted
    } else if (!isOwnTask(part)) {
      const text = paragraph(part)
      const label = ACCEPTANCE.exec(text)
      const sentence = label ? text.slice(label[0].length) : text
      const isCriterion = here || label !== null || part.box !== null
      if (isCriterion && !LABEL_ONLY.test(text)) {
        found.add(clean(sentence))
      }
      collect(part, isOwnTask, here || label !== null, found)
    }
  }
}

function clean(text: string): string {
  const plain = text.trim().replace(/^\*\*([^*]+)\*\*(?=[\s:.]|$)/, '$1')
  return head(plain.replace(/\s+/g, ' '), MAX_LENGTH)
}
