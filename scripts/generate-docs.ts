/**
 * Writes all files that are generated from the code: `node scripts/generate-docs.ts`. With `--check` it writes nothing, and
 * fails if a committed file is out of date. To add a page, add its generator to the list.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Generator } from './generator.ts'
import { agentsPage } from './docs/agents.ts'
import { batchPage, batchSchemaFile } from './docs/batch.ts'
import { cliPage } from './docs/cli.ts'
import { configurationPage, configurationSchema } from './docs/configuration.ts'
import { workflowSchemaFile } from './docs/workflow.ts'
import { escapesPage } from './docs/escapes.ts'
import { toolsPage } from './docs/tools.ts'

export const GENERATORS: readonly Generator[] = [
  configurationSchema,
  configurationPage,
  batchSchemaFile,
  batchPage,
  workflowSchemaFile,
  cliPage,
  agentsPage,
  toolsPage,
  escapesPage,
]

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The present text of a generated file; null if it does not exist. */
export function committed(file: string): string | null {
  try {
    return readFileSync(join(ROOT, file), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function main(check: boolean): Promise<void> {
  for (const { file, generate } of GENERATORS) {
    const text = await generate()
    if (committed(file) === text) continue
    process.stdout.write(`${check ? 'out of date' : 'wrote'}: ${file}\n`)
    if (check) process.exitCode = 1
    else {
      mkdirSync(dirname(join(ROOT, file)), { recursive: true })
      writeFileSync(join(ROOT, file), text)
    }
  }
}

if (import.meta.main) await main(process.argv.includes('--check'))
