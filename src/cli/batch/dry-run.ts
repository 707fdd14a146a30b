import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { printable } from '../../core/text.ts'
import { START, filePrompt, readInput } from '../../programs/batch/index.ts'
import { RecordStore, stateHome } from '../../record/index.ts'
import type { FileState } from '../../runs/batch/files.ts'
import { lookAtPlan, type BatchPlan } from '../../runs/batch/plan.ts'
import type { Io } from '../io.ts'
import { settingsView } from '../views/settings.ts'
import { remarks, summaryLine } from './text.ts'

/** Shows what a batch would do: every file with what would happen to it, and the first prompt. Spends and writes nothing. */
export async function dryRunBatch(io: Io, plan: BatchPlan, json: boolean): Promise<void> {
  const files = await lookWithoutWriting(io, plan)
  const { config } = plan
  const first = await firstPrompt(plan, files)
  if (json) {
    const { role, glob, exclude, maxAttempts, maxFileSize, concurrency, budget } = config
    io.out(
      JSON.stringify({
        config: config.file,
        results: config.results,
        glob,
        exclude,
        files: files.map(({ path, done, why }) => ({ path, done, why })),
        left_out: plan.discovered.leftOut,
        agent: settingsView(role),
        limits: {
          max_attempts: maxAttempts,
          max_file_size: maxFileSize,
          concurrency,
          budget: settingsView(budget),
        },
        first_prompt: first,
      }),
    )
    return
  }
  io.out(summaryLine(plan, files))
  for (const line of remarks(plan, files)) io.out(`note: ${line}`)
  if (files.length > 0) io.out('')
  for (const { path, done, why } of files) io.out(`${done ? 'done ' : 'to do'}  ${printable(path)}${note(why)}`)
  if (first !== null) io.out(`\nFirst prompt:\n\n${printable(first)}`)
}

function note(why: FileState['why']): string {
  switch (why) {
    case 'edited':
      return ' (edited since its result)'
    case 'unfit':
      return ' (its result does not fit the schema)'
    case 'found':
      return ' (a result that Belay did not make)'
    case 'current':
    case 'new':
      return ''
  }
}

async function lookWithoutWriting(io: Io, plan: BatchPlan): Promise<FileState[]> {
  const home = stateHome(io.env)
  if (!existsSync(join(home, 'belay.db'))) return lookAtPlan(null, plan)
  const record = RecordStore.open(home)
  try {
    return await lookAtPlan(record, plan)
  } finally {
    await record.close()
  }
}

async function firstPrompt({ config }: BatchPlan, files: readonly FileState[]): Promise<string | null> {
  const first = files.find((file) => !file.done)
  if (!first) return null
  const input = await readInput(config.root, first.path, config.maxFileSize)
  return input.kind === 'text' ? filePrompt(config.prompt, first.path, input.text, START) : null
}
