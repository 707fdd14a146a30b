import { head } from '../../core/text.ts'
import type { TaskRow } from '../../record/index.ts'
import type { Definition } from '../../workflows/index.ts'
import { levelsOf } from './handles.ts'
import { stateOf } from './state.ts'

/** What an earlier agent step did in the same line of work. */
export interface EarlierStep {
  readonly handle: string
  readonly agent: string
  readonly summary: string
  readonly files: readonly string[]
  readonly commit: string | null
}

/** Only this many of the latest steps are listed. */
const MOST = 12
const MAX_SUMMARY = 1200
const MAX_FILES = 40

/**
 * The agent steps that came before a step, oldest first: those in its own and the enclosing lists of states, and in everything
 * that has ended inside them. Steps of parallel branches are left out.
 */
export function handoff(definition: Definition, tasks: readonly TaskRow[], handle: string): readonly EarlierStep[] {
  const mine = levelsOf(definition, handle)
  const found = tasks.flatMap((task) => {
    const { result, files } = stateOf(task)
    const levels = levelsOf(definition, task.handle)
    const { state } = levels.at(-1) ?? {}
    if (state?.type !== 'agent' || task.status !== 'done' || result?.kind !== 'output') return []
    if (!isInLine(mine, levels)) return []
    const { agentName: agent } = state
    const summary = head(summaryOf(result.output), MAX_SUMMARY)
    return [{ handle: task.handle, agent, summary, files: files.slice(0, MAX_FILES), commit: task.commit }]
  })
  return found.slice(-MOST)
}

type Levels = ReturnType<typeof levelsOf>

/**
 * Whether two steps are in one line of work: at the level where they part, one follows the other instead of running in
 * parallel.
 */
function isInLine(mine: Levels, other: Levels): boolean {
  const depth = mine.findIndex(({ handle }, i) => other[i]?.handle !== handle)
  const [above, besides] = [mine[depth - 1], other[depth - 1]]
  if (depth === -1 || above === undefined || besides === undefined) return depth === 0
  // The work of an earlier try has been discarded.
  if (above.round !== besides.round) return false
  if (above.inner === besides.inner || above.state.type === 'try') return true
  return above.state.type === 'foreach' && above.state.maxConcurrency === 1
}

function summaryOf(output: unknown): string {
  if (typeof output === 'object' && output !== null) {
    for (const key of ['summary', 'text']) {
      const value = (output as Readonly<Record<string, unknown>>)[key]
      if (typeof value === 'string') return value
    }
  }
  return typeof output === 'string' ? output : (JSON.stringify(output) ?? '')
}
