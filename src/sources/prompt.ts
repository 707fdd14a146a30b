import { BelayError } from '../core/errors.ts'
import { printable, subjectLine } from '../core/text.ts'
import { implementInstructions, reviewInstructions } from './instructions.ts'
import type { PromptParts, Source } from './port.ts'

export const PROMPT_HANDLE = 'prompt'

const SUBJECT_LENGTH = 72
const WORDS = { task: 'the task below', documents: [], list: null }

/** A source with one task: the user's text. Throws `prompt_empty` if that has no content. */
export function promptSource(text: string): Source {
  const request = text
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
    .trim()
  const title = subjectLine(printable(request), SUBJECT_LENGTH)
  if (title === '') {
    throw new BelayError('prompt_empty', 'The prompt is empty', {
      expected: 'a sentence that says what to do',
      received: 'no text',
      next: 'belay run "what to do"',
    })
  }
  const parts = (handle: string, instructions: readonly string[]): PromptParts => {
    if (handle !== PROMPT_HANDLE) throw new Error(`no task ${handle} in a prompt`)
    return { instructions, sections: [{ title: 'Task', content: request }] }
  }
  return {
    kind: 'prompt',
    feature: null,
    owned: [],
    tasks: [
      {
        handle: PROMPT_HANDLE,
        title,
        done: false,
        dependsOn: [],
        // A prompt names no criteria of its own; the reviewer says what it checked.
        criteria: [],
        subject: title,
      },
    ],
    warnings: [],
    resolve: (selector) => (selector === PROMPT_HANDLE ? PROMPT_HANDLE : null),
    implementPrompt: (handle) => parts(handle, implementInstructions(WORDS)),
    reviewPrompt: (handle) => parts(handle, reviewInstructions(WORDS)),
    tick: () => null,
  }
}
