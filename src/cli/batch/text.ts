import { basename } from 'node:path'
import { formatDuration } from '../../core/duration.ts'
import { head, printable } from '../../core/text.ts'
import type { BatchConfig } from '../../runs/batch/config.ts'
import type { BatchResult } from '../../runs/batch/drive.ts'
import type { FileState } from '../../runs/batch/files.ts'
import type { BatchPlan } from '../../runs/batch/plan.ts'

/** How many failed files are listed; `belay status` lists all. */
const MAX_LISTED = 50

/** What a batch will do, with which agent and within which limits, in one line. */
export function summaryLine({ config }: BatchPlan, files: readonly FileState[]): string {
  const toDo = files.filter((file) => !file.done).length
  return [
    `${toDo} of ${files.length} ${plural(files.length, 'file')} of ${printable(basename(config.file))}`,
    `${config.role.provider}${config.role.model === null ? '' : ` (${printable(config.role.model)})`} answers`,
    `results in ${printable(basename(config.results))}`,
    `limits: ${limits(config)}`,
  ].join('; ')
}

function limits({ maxAttempts, role, concurrency, budget }: BatchConfig): string {
  return [
    `${maxAttempts} ${plural(maxAttempts, 'attempt')} a file`,
    `${formatDuration(role.timeoutMs)} a turn`,
    ...(concurrency > 1 ? [`${concurrency} at a time`] : []),
    ...(budget.usd === null ? [] : [`$${budget.usd}`]),
    ...(budget.tokens === null ? [] : [`${budget.tokens} tokens`]),
    ...(budget.wallMs === null ? [] : [formatDuration(budget.wallMs)]),
  ].join(', ')
}

/** Remarks for the user about the selected files and the existing results. */
export function remarks({ config, project, discovered }: BatchPlan, files: readonly FileState[]): string[] {
  const found = files.filter((file) => file.why === 'found').length
  const other = files.filter((file) => file.otherQuestion).length
  const name = printable(basename(config.results))
  const ignoring = project.kind === 'repository' && !config.includeIgnored
  return [
    ...(files.length === 0
      ? [`no file matches ${config.glob.map((glob) => JSON.stringify(glob)).join(', ')}: nothing to do`]
      : []),
    ...(ignoring ? ['files that git ignores are left out (include_ignored: true takes them)'] : []),
    ...discovered.leftOut.map(({ path, why }) => `left out: ${printable(path)} (${printable(why)})`),
    ...(found > 0
      ? [
          `${found} ${plural(found, 'result')} in ${name} that Belay did not make ${found === 1 ? 'is' : 'are'} kept; take one out to have it made`,
        ]
      : []),
    ...(other > 0
      ? [
          `prompt or schema have changed since ${other} ${plural(other, 'result')}; delete ${name} to have all made again`,
        ]
      : []),
  ]
}

/** The result of a batch, for people. */
export function resultText(result: BatchResult, config: string): string[] {
  const { processed, skipped, failed, left, results } = result
  const counts = [
    `${processed.length} processed`,
    `${skipped} already done`,
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    ...(left > 0 ? [`${left} left`] : []),
  ]
  const lines = [`batch ${result.status}: ${counts.join(', ')}`]
  for (const { path, reason } of failed.slice(0, MAX_LISTED)) {
    lines.push(`  failed: ${printable(path)}: ${head(printable(reason.message).replace(/\s+/g, ' '), 300)}`)
  }
  if (failed.length > MAX_LISTED) lines.push(`  and ${failed.length - MAX_LISTED} more; see: belay status`)
  lines.push(`results: ${printable(results)}`)
  if (failed.length + left > 0) lines.push(`next: belay batch --config ${config} (what is done is not done again)`)
  return lines
}

function plural(n: number, word: string): string {
  return n === 1 ? word : `${word}s`
}
