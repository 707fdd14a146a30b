import { printable, subjectLine } from '../core/text.ts'
import { baseName, filesBelow, readRequired, refuseEmpty } from './documents.ts'
import { implementInstructions, reviewInstructions } from './instructions.ts'
import { groupTitle, type OpenSpecTask, readOpenSpecTasks, sameTask } from './openspec-tasks.ts'
import { orderDependencies } from './order.ts'
import type { PromptParts, PromptSection, Source, SourceFiles, Tick } from './port.ts'
import { located, refuse } from './problems.ts'
import { tickBoxes } from './tick.ts'

const MAX_SUBJECT = 240
const EXPECTED = 'tasks such as - [ ] 1.1 title, each with a title'

/**
 * Opens the OpenSpec change in `dir` (relative to the repository root) without OpenSpec's own program. proposal.md and tasks.md
 * are required; design.md and specs/**\/*.md are read if they exist (OpenSpec writes a design only for changes that need one,
 * and no specs for changes without new behaviour). Throws `source_incomplete`, `source_invalid` or `source_empty`.
 */
export async function openOpenSpec(dir: string, files: SourceFiles): Promise<Source> {
  const texts = await readRequired(files, 'OpenSpec', dir, ['proposal.md', 'tasks.md'])
  const path = `${dir}/tasks.md`
  const change = baseName(dir)
  const list = readOpenSpecTasks(texts.get('tasks.md') ?? '')
  refuse(path, list.problems, EXPECTED)
  refuseEmpty(path, list.tasks.length, list.outline.hidden, '- [ ] 1.1 what to do')
  const design = await files.read(`${dir}/design.md`)
  const specs = await readSpecs(files, dir)
  const warnings = located(path, list.warnings)
  if (specs.length === 0 && !(await skipsSpecs(files, dir))) warnings.push(`${dir}: no text under specs/`)
  const byHandle = new Map(list.tasks.map((task) => [task.handle, task]))
  const dependencies = orderDependencies([...byHandle.keys()])
  const find = (handle: string): OpenSpecTask => {
    const task = byHandle.get(handle)
    if (!task) throw new Error(`no task ${handle} in ${path}`)
    return task
  }
  const done = list.tasks.filter((task) => task.done).length
  const documents = [
    `${dir}/proposal.md`,
    ...(design === null ? [] : [`${dir}/design.md`]),
    ...(specs.length === 0 ? [] : [`${dir}/specs/`]),
  ]
  const parts = (handle: string, instructions: readonly string[]): PromptParts => {
    const { item } = find(handle)
    const sections: PromptSection[] = [
      { title: 'Change', content: change },
      { title: 'Apply Progress', content: `${done}/${list.tasks.length}` },
      { title: 'Current Task', content: list.outline.lines.slice(item.line - 1, item.lastLine).join('\n') },
      { title: 'Task Group', content: groupTitle(item) || 'unknown' },
      { title: 'Proposal', content: texts.get('proposal.md') ?? '' },
      ...(design === null ? [] : [{ title: 'Design', content: design }]),
      ...specs.map((spec) => ({ title: `Specs: ${spec.name}`, content: spec.text })),
      { title: 'Tasks', content: texts.get('tasks.md') ?? '' },
    ]
    return { instructions, sections }
  }
  const words = (handle: string) => ({ task: `task ${handle} of the change ${change}`, documents, list: path })
  return {
    kind: 'openspec',
    feature: change,
    owned: [`${dir}/proposal.md`, `${dir}/design.md`, path, `${dir}/specs/`],
    tasks: list.tasks.map((task) => ({
      handle: task.handle,
      title: task.title,
      done: task.done,
      dependsOn: dependencies.get(task.handle) ?? [],
      criteria: task.criteria,
      subject: subjectLine(printable(`Task ${change}/${task.handle}: ${task.title}`), MAX_SUBJECT),
    })),
    warnings,
    resolve: (selector) => {
      const wanted = selector.trim()
      if (byHandle.has(wanted)) return wanted
      return /^\d+$/.test(wanted) ? (list.tasks[Number(wanted) - 1]?.handle ?? null) : null
    },
    implementPrompt: (handle) => parts(handle, implementInstructions(words(handle))),
    reviewPrompt: (handle) => parts(handle, reviewInstructions(words(handle))),
    tick: (handle) => tickOf(path, find(handle), list.tasks),
  }
}

interface SpecFile {
  /** Path relative to the change. */
  readonly name: string
  readonly text: string
}

async function readSpecs(files: SourceFiles, dir: string): Promise<SpecFile[]> {
  const specs: SpecFile[] = []
  for (const path of await filesBelow(files, `${dir}/specs`, '.md')) {
    const text = await files.read(path)
    if (text !== null && text.trim() !== '') specs.push({ name: printable(path.slice(dir.length + 1)), text })
  }
  return specs
}

/** Whether the change itself declares that it has no specs. */
async function skipsSpecs(files: SourceFiles, dir: string): Promise<boolean> {
  return /^skip_specs:\s*true\b/m.test((await files.read(`${dir}/.openspec.yaml`)) ?? '')
}

function tickOf(path: string, wanted: OpenSpecTask, among: readonly OpenSpecTask[]): Tick {
  return {
    path,
    apply(text) {
      const { tasks } = readOpenSpecTasks(text)
      const task = sameTask(wanted, among, tasks)
      if (!task) return null
      if (task.done) return text
      const items = new Set(tasks.map((other) => other.item))
      return tickBoxes(text, task.item, 'x', (item) => items.has(item))
    },
  }
}
