import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import type { JsonSchema } from '../../agents/port.ts'
import { agentProblems, failoverProblems } from '../../config/checks.ts'
import { readConfigFile } from '../../config/files.ts'
import {
  configInvalid,
  badValue,
  problemsOf,
  unknownKey,
  unreadable,
  type Locate,
  type Problem,
} from '../../config/problems.ts'
import { resolveArgv, resolveBudget, resolveRole, type Config, type RoleConfig } from '../../config/resolve.ts'
import { hostilePaths, isMapping, withoutEmptySections, type Mapping } from '../../config/values.ts'
import type { FolderSettings } from '../folder-settings.ts'
import { BelayError } from '../../core/errors.ts'
import { schemaProblem } from '../../agents/answers/json-schema.ts'
import { batchRoot, batchSchema, type ParsedBatch } from './schema.ts'
import { parseSize } from './size.ts'

/** The page that documents all keys. */
const REFERENCE = 'docs/reference/batch.md'

/**
 * A batch with everything resolved: plain data, stored with its run. It includes the settings of the belay.yaml around the
 * batch's file, or of the user's own. `concurrency` and `budget` are as in the main configuration.
 */
export interface BatchConfig extends FolderSettings {
  /** Absolute path of the batch's file; its folder is free of symbolic links. */
  readonly file: string
  /** The folder of `file`, which all paths are relative to. */
  readonly root: string
  /** Absolute path of the results file. */
  readonly results: string
  readonly role: RoleConfig
  readonly prompt: string
  readonly schema: JsonSchema
  readonly glob: readonly string[]
  readonly exclude: readonly string[]
  readonly includeIgnored: boolean
  readonly maxAttempts: number
  readonly maxFileSize: number
  readonly concurrency: number
  readonly budget: Config['budget']
  /** Absent in runs that an older Belay stored. */
  readonly notify?: Config['notify']
}

/**
 * Reads a batch's file (YAML, or TOML if its name says so). Only reads. Throws `config_missing`, or `config_invalid` with all
 * problems at once.
 */
export async function loadBatchConfig(cwd: string, path: string): Promise<BatchConfig> {
  const file = await findBatchFile(cwd, path)
  const root = dirname(file)
  const parsed = await readConfigFile(file, extname(file).toLowerCase() === '.toml' ? 'toml' : 'yaml', path)
  if (!isMapping(parsed.value)) {
    const received = Array.isArray(parsed.value) ? 'a list' : 'a single value'
    throw configInvalid([unreadable(path, 'a mapping of keys', received)], REFERENCE)
  }
  if (parsed.problems.length > 0) throw configInvalid(parsed.problems, REFERENCE)
  const value = withoutEmptySections(parsed.value, batchRoot()) as Mapping
  // Names inside the user's own schema are data: a property may well be called `constructor`.
  const { schema, ...rest } = parsed.value
  const hostile = hostilePaths(rest).map((at) => unknownKey(at, parsed.locate, batchRoot()))
  const result = batchSchema.safeParse(value)
  const issues = result.success ? [] : problemsOf(result.error.issues, value, parsed.locate, batchRoot())
  const problems = [
    ...hostile,
    ...issues,
    ...agentProblems(value, [], parsed.locate, batchRoot()),
    ...failoverProblems(value, [], parsed.locate, batchRoot()),
    ...schemaProblems(schema, parsed.locate([`schema`])),
    ...nameProblems(value, file, parsed.locate),
  ]
  if (problems.length > 0 || !result.success) throw configInvalid(problems, REFERENCE)
  return resolveBatch(result.data, schema as JsonSchema, file, root)
}

/** Digest of what is asked for every file. If it differs, earlier results answered another question. */
export function questionOf({ prompt, schema }: Pick<BatchConfig, 'prompt' | 'schema'>): string {
  return createHash('sha256')
    .update(JSON.stringify([prompt, schema]))
    .digest('hex')
}

async function findBatchFile(cwd: string, path: string): Promise<string> {
  const wanted = resolve(cwd, path)
  try {
    await realpath(wanted)
    return join(await realpath(dirname(wanted)), basename(wanted))
  } catch (cause) {
    throw new BelayError('config_missing', `there is no file ${path}`, {
      expected: 'a batch file with provider, prompt and schema',
      received: path,
      next: `write it; all keys are described in ${REFERENCE}`,
      cause,
    })
  }
}

function schemaProblems(schema: unknown, where: string): Problem[] {
  if (!isMapping(schema)) return [] // the type check reports it
  let fault: string | null
  try {
    // YAML allows what JSON does not: cycles and infinite numbers.
    fault = schemaProblem(JSON.parse(JSON.stringify(schema)) as JsonSchema)
  } catch {
    fault = 'it refers to itself in a circle'
  }
  if (fault === null) return []
  return [
    { path: ['schema'], where, expected: 'a valid JSON Schema', received: fault, nearest: null, kind: 'bad_value' },
  ]
}

function nameProblems(value: Mapping, file: string, locate: Locate): Problem[] {
  const { results } = value
  if (typeof results !== 'string' || results !== basename(file)) return []
  return [badValue(['results'], 'another name than that of this file', results, locate, batchRoot())]
}

function resolveBatch(parsed: ParsedBatch, schema: JsonSchema, file: string, root: string): BatchConfig {
  const { provider, model, effort, timeout, stall, env, command } = parsed
  const failover = parsed.failover.map((one) =>
    typeof one === 'string' ? one : { ...one, command: fromRoot(one.command, root) },
  )
  const bytes = parseSize(parsed.max_file_size)
  if (bytes === null) throw new Error(`not a size: ${parsed.max_file_size}`)
  return {
    file,
    root,
    results: join(root, parsed.results),
    role: resolveRole(
      { provider, model, effort, timeout, stall, env, command: fromRoot(command, root), access: 'read-only', failover },
      { root },
    ),
    prompt: parsed.prompt,
    schema: JSON.parse(JSON.stringify(schema)) as JsonSchema,
    glob: [parsed.glob].flat(),
    exclude: [parsed.exclude].flat(),
    includeIgnored: parsed.include_ignored,
    maxAttempts: parsed.max_attempts,
    maxFileSize: bytes,
    concurrency: parsed.concurrency,
    budget: resolveBudget(parsed.budget),
    notify: { command: resolveArgv(parsed.notify.command, { root }) },
  }
}

/** Resolves arguments that begin with `./` or `../` against the batch's folder, because the agent starts in an empty one. */
function fromRoot(command: ParsedBatch['command'], root: string): ParsedBatch['command'] {
  if (command === undefined || typeof command === 'string') return command
  return command.map((word) => (/^\.\.?\//.test(word) ? join(root, word) : word))
}
