/**
 * The one definition of a batch's configuration file: what is checked, what the JSON Schema says, what the reference documents.
 */
import { z } from 'zod'
import type { SchemaNode } from '../../config/keys.ts'
import { listOf, mapping, oneOf, text, whole, flag } from '../../config/leaves.ts'
import { PROVIDER_NAMES, type ProviderName } from '../../config/providers.ts'
import { failoverKey, roleKeys } from '../../config/role-keys.ts'
import { budgetKeys, concurrency, notifyKeys } from '../../config/schema.ts'
import { SIZE, isSize } from './size.ts'
import { patternProblem } from './patterns.ts'

const PATTERN = 'a path pattern inside the folder of this file, such as "src/**/*.ts"'

const pattern = text(PATTERN)
  .refine((value) => patternProblem(value) === null, {
    error: (issue) => `${PATTERN} (${patternProblem(String(issue.input)) ?? 'not valid'})`,
  })
  .meta({ title: 'pattern' })

const patterns = z
  .union([pattern, listOf(pattern, 'patterns').min(1, { error: 'at least one pattern' })], {
    error: 'a pattern or a list of patterns',
  })
  .meta({ title: 'pattern or list of patterns' })

const exclusions = z
  .union([pattern, listOf(pattern, 'patterns')], { error: 'a pattern or a list of patterns' })
  .refine((value) => [value].flat().every((one) => !one.startsWith('!')), { error: 'patterns without "!"' })
  .meta({ title: 'pattern or list of patterns' })

const size = z
  .union([whole(1, 1 << 30), z.string({ error: SIZE }).refine(isSize, { error: SIZE })], { error: SIZE })
  .meta({ title: 'size' })

const agent = roleKeys('answers', 'read-only')

export const DEFAULT_MAX_FILE_SIZE = '256KiB'

export const batchSchema = mapping({
  provider: oneOf(...(PROVIDER_NAMES as [ProviderName, ...ProviderName[]]))
    .describe('The agent that answers.')
    .meta({ examples: ['claude'] }),
  prompt: text()
    .describe('What is wanted of each file. Path and content are added to it.')
    .meta({ examples: ['Sum up what this file does.'] }),
  schema: z
    .record(z.string(), z.unknown(), { error: 'a JSON Schema (a mapping)' })
    .describe(
      'JSON Schema of one answer (draft-07, 2019-09 or 2020-12). An answer that does not fit goes back to the agent with the errors, at most twice. `format` is checked for the usual ones (date-time, email, uri, uuid, ...); an unknown one is refused.',
    )
    .meta({
      title: 'JSON Schema',
      examples: [{ type: 'object', properties: { summary: { type: 'string' } }, required: ['summary'] }],
    }),
  glob: patterns
    .default('**/*')
    .describe(
      "Which files, relative to this file's folder: `*`, `?`, `**`, `[...]`, `{a,b}`; files with a dot count like others. A folder's name means all in it, a pattern that begins with `!` leaves files out.",
    )
    .meta({ examples: [['src/**/*.ts', '!**/*.test.ts']] }),
  exclude: exclusions
    .default([])
    .describe('Files that are left out, as `!` patterns of `glob`.')
    .meta({ examples: ['**/*.png'] }),
  include_ignored: flag().default(false).describe('In a git repository, also take files that git ignores.'),
  results: z
    .string({ error: 'a file name without a folder' })
    .regex(/^[^/\0]*[^/.\0][^/\0]*$/, { error: 'a file name without a folder' })
    .default('results.json')
    .describe("Name of the file for the answers, in this file's folder.")
    .meta({ examples: ['reviews.json'] }),
  model: agent.model,
  effort: agent.effort,
  timeout: agent.timeout,
  stall: agent.stall,
  env: agent.env,
  command: agent.command.describe(
    "Provider `command`: the program that speaks the command protocol, as a list of arguments or as text for `/bin/sh -c`. Other providers: a list that replaces the program looked up on PATH. A first argument with a slash, and arguments that begin with `./`, are relative to this file's folder.",
  ),
  failover: failoverKey(agent.provider).describe(
    'Agents that answer, in this order, when the one before has used up its quota, is not there or is not logged in. Each a name, or a mapping with `provider`, `model`, `effort` and `command`.',
  ),
  max_attempts: whole(1, 20)
    .default(3)
    .describe('A file is given up after this many failed attempts. Failed files are tried again after all others.')
    .meta({ examples: [5] }),
  max_file_size: size
    .default(DEFAULT_MAX_FILE_SIZE)
    .describe('Larger files are not sent. A number of bytes, or text with a unit.')
    .meta({ examples: ['1MiB'] }),
  concurrency: concurrency.describe('How many files are worked on at the same time.'),
  budget: budgetKeys,
  notify: notifyKeys('the folder of this file'),
})

/** A checked file with its defaults, still with the file's key names. */
export type ParsedBatch = z.output<typeof batchSchema>

/** The JSON Schema of batch files, as published. */
export function batchJsonSchema(): Record<string, unknown> {
  return {
    title: 'Belay batch',
    description: 'a file for belay batch --config',
    ...z.toJSONSchema(batchSchema, { io: 'input' }),
  }
}

let cached: SchemaNode | undefined

/** The schema as a tree of known keys, for suggestions and for the reference. */
export function batchRoot(): SchemaNode {
  cached ??= batchJsonSchema() as SchemaNode
  return cached
}
