import { printable, subjectLine } from '../core/text.ts'
import { baseName, readRequired, refuseEmpty } from './documents.ts'
import { implementInstructions, reviewInstructions } from './instructions.ts'
import type { PromptParts, PromptSection, Source, SourceFiles, Tick } from './port.ts'
import { located, refuse } from './problems.ts'
import { readSpecKitTasks, type SpecKitTask } from './spec-kit-tasks.ts'
import { tickBoxes } from './tick.ts'

/** Long enough for every readable subject; git and its tools have problems only with whole paragraphs. */
const MAX_SUBJECT = 240
const EXPECTED = 'tasks such as - [ ] T001 [P] [US1] title, each id once, depending on ids of the same file'

/**
 * Opens the spec-kit feature in `dir` (relative to the repository root). spec.md, plan.md and tasks.md are required; spec-kit's
 * own commands write them in this order. Throws `source_incomplete`, `source_invalid` or `source_empty`.
 */
export async function openSpecKit(dir: string, files: SourceFiles): Promise<Source> {
  const texts = await readRequired(files, 'spec-kit', dir, ['spec.md', 'plan.md', 'tasks.md'])
  const path = `${dir}/tasks.md`
  const list = readSpecKitTasks(texts.get('tasks.md') ?? '')
  refuse(path, list.problems, EXPECTED)
  refuseEmpty(path, list.tasks.length, list.outline.hidden, '- [ ] T001 what to do')
  const others = (await files.list(dir)).filter((name) => !texts.has(name) && !name.startsWith('.'))
  const byHandle = new Map(list.tasks.map((task) => [task.handle, task]))
  const find = (handle: string): SpecKitTask => {
    const task = byHandle.get(handle)
    if (!task) throw new Error(`no task ${handle} in ${path}`)
    return task
  }
  const parts = (handle: string, instructions: readonly string[]): PromptParts => {
    const { item } = find(handle)
    const sections: PromptSection[] = [
      { title: 'Task', content: list.outline.lines.slice(item.line - 1, item.lastLine).join('\n') },
      {
        title: 'Phase',
        content: [item.phase?.title ?? 'unknown', item.section?.title ?? ''].filter(Boolean).join('\n'),
      },
      { title: 'Spec', content: texts.get('spec.md') ?? '' },
      { title: 'Plan', content: texts.get('plan.md') ?? '' },
      { title: 'Tasks', content: texts.get('tasks.md') ?? '' },
    ]
    if (others.length > 0) {
      sections.push({
        title: 'More documents to read where they matter',
        content: others.map((name) => `${dir}/${name}`).join('\n'),
      })
    }
    return { instructions, sections }
  }
  const words = (handle: string) => ({
    task: `task ${handle}`,
    documents: [`${dir}/spec.md`, `${dir}/plan.md`],
    list: path,
  })
  return {
    kind: 'spec-kit',
    feature: baseName(dir),
    owned: [`${dir}/spec.md`, `${dir}/plan.md`, path],
    tasks: list.tasks.map(({ handle, title, done, dependsOn, criteria }) => ({
      handle,
      title,
      done,
      dependsOn,
      criteria,
      subject: subjectLine(printable(`Task ${handle}: ${title}`), MAX_SUBJECT),
    })),
    warnings: located(path, list.warnings),
    resolve: (selector) => {
      const wanted = selector.trim()
      if (byHandle.has(wanted)) return wanted
      const alike = list.tasks.filter((task) => task.handle.toLowerCase() === wanted.toLowerCase())
      return alike.length === 1 ? (alike[0]?.handle ?? null) : null
    },
    implementPrompt: (handle) => parts(handle, implementInstructions(words(handle))),
    reviewPrompt: (handle) => parts(handle, reviewInstructions(words(handle))),
    tick: (handle) => tickOf(path, find(handle).handle),
  }
}

function tickOf(path: string, handle: string): Tick {
  return {
    path,
    apply(text) {
      const { tasks } = readSpecKitTasks(text)
      const task = tasks.find((other) => other.handle === handle)
      if (!task) return null
      if (task.done) return text
      const items = new Set(tasks.map((other) => other.item))
      return tickBoxes(text, task.item, 'X', (item) => items.has(item))
    },
  }
}
