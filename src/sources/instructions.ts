/** Instructions to the roles that are the same for every source; each source names its own documents. */

export interface Words {
  /** What the task is called in this source, e.g. `task T001`. */
  readonly task: string
  /** The documents that specify the task, by path; empty for a prompt. */
  readonly documents: readonly string[]
  /** The file with the task's checkbox; null: none. */
  readonly list: string | null
}

export function implementInstructions({ task, documents, list }: Words): string[] {
  return [
    `Implement ${task} completely, and nothing beyond it.`,
    ...(documents.length > 0
      ? [
          `${documents.join(', ')} say what is wanted. Where they and the existing code disagree, the documents are right.`,
        ]
      : []),
    'Change only the files that this task needs. Leave unrelated code, formatting and dependencies as they are.',
    ...(list === null
      ? []
      : [
          `Do not edit ${[...documents, list].join(', ')}: Belay keeps them and ticks the box itself.`,
          'Do not begin another task of the list, even when this one turns out to be small.',
        ]),
    'Do not commit, push or change branches.',
    'Do not call the work final: Belay runs the checks and a reviewer decides. Say in your answer what you assumed, what is left open and whether a person has to look.',
    'When the task cannot be done as it is written, say so (status blocked or partial) instead of doing something else.',
  ]
}

export function reviewInstructions({ task, documents }: Words): string[] {
  return [
    `Review the change for ${task}, and only for it.`,
    ...(documents.length > 0
      ? [`Judge it against the task and against ${documents.join(', ')}.`]
      : ['Judge it against the task.']),
    'Give the verdict pass only when the task is fulfilled as a whole and nothing has to be changed first.',
    'Answer one acceptance check for each completion criterion, in its own words, and let each agree with the verdict.',
    'Ask for nothing that the task does not ask for; work that later tasks of the list will do is not missing here.',
    'Every finding names what is wrong and what would mend it. Change no file.',
  ]
}
