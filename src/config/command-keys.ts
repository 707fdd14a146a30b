/** The keys of a command that Belay runs: a gate or a setup step. */
import { z } from 'zod'
import { duration, hasNoNul, insidePath, listOf, mapping, text, whole } from './leaves.ts'
import { DEFAULT_TIMEOUTS } from './timeouts.ts'

const COMMAND = 'a command (text for /bin/sh -c) or a mapping with "run"'

/** A command as a list of arguments. */
export const argv = listOf(
  z.string({ error: 'an argument (text)' }).refine(hasNoNul, { error: 'text without NUL characters' }),
  'arguments',
)
  .min(1, { error: 'a list of at least one argument' })
  .refine((list) => /\S/.test(list[0] ?? ''), { error: 'a list whose first argument names a program' })
  .meta({ title: 'list of arguments' })

const NAME = 'a name of at most 60 characters without ";", "=" or line breaks'

const run = z
  .union([text('a command (text that is not empty)'), argv], { error: 'a command (text) or a list of arguments' })
  .meta({ title: 'text or list of arguments' })
  .describe('The command. Text is run by `/bin/sh -c`; a list is run as it is, without a shell.')
  .meta({ examples: ['npm test'] })

const name = z
  .string({ error: NAME })
  .regex(/^[^;=\p{Cc}]{1,60}$/u, { error: NAME })
  .refine((value) => value.trim() === value && value !== '', { error: `${NAME}, or spaces around it` })

const commandKeys = {
  run,
  name: name
    .optional()
    .describe('Name in evidence, output and commit trailers; unique. Without it, the command itself is the name.')
    .meta({ examples: ['unit'] }),
  timeout: duration()
    .default(DEFAULT_TIMEOUTS.command)
    .describe('The command and everything it started is killed after this time, and counts as failed.')
    .meta({ examples: ['2m'] }),
  cwd: insidePath('folder')
    .optional()
    .describe('Folder to run in, relative to the repository root.')
    .meta({ examples: ['packages/api'] }),
}

/** A gate, as text or as a mapping. */
export const gate = z
  .union(
    [
      text(COMMAND),
      mapping({
        ...commandKeys,
        min_tests: whole(1, Number.MAX_SAFE_INTEGER)
          .optional()
          .describe('Fails when fewer tests than this were run: a guard against a suite that silently shrinks.')
          .meta({ examples: [40] }),
      }),
    ],
    { error: COMMAND },
  )
  .meta({ title: 'command' })

/** A command of `workspace.setup`. */
export const setupStep = z.union([text(COMMAND), mapping(commandKeys)], { error: COMMAND }).meta({ title: 'command' })
