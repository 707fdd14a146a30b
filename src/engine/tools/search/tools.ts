import { isAbsolute, relative } from 'node:path'
import { z } from 'zod'
import type { Tool, ToolContext, ToolDemand, ToolResult } from '../../port.ts'
import { judgePath, pathOf, rulesOf, targetOf } from '../paths/index.ts'
import { defineTool, done, failed } from '../tool.ts'
import { runSearch, type SearchResult } from './run.ts'

const FILES = 100
const MATCHES = 100
const TEXT_MAX = 30_000

const folder = z.string().default('.').describe('Where to look, relative to the workspace or absolute.')
const ignored = z.boolean().default(false).describe('Look also at what .gitignore names, and into node_modules.')

/** Finds files by name, and lines by their text. */
export function searchTools(timeoutMs: number): readonly Tool[] {
  return [
    defineTool({
      name: 'glob',
      description: `Finds files by name, newest first, at most ${FILES}. * and ? stay within one name, ** spans any number of folders, {a,b} and [abc] as in a shell; a pattern without a slash is for the name at any depth (*.ts), one with a slash for the whole path (src/**/*.test.ts). Leaves out .git, node_modules and what .gitignore names; does not follow links.`,
      input: z.strictObject({ pattern: z.string().min(1).max(1000), path: folder, ignored }),
      effect: 'read',
      title: ({ pattern, path }) => `glob: ${pattern}${path === '.' ? '' : ` in ${path}`}`,
      demand: ({ path }, context) => judgeSearch(path, context),
      async run(input, context) {
        const named = pathOf(input.path, context)
        const pattern = isAbsolute(input.pattern) ? relative(named, input.pattern) : input.pattern
        if (pattern.startsWith('..')) return failed(`${input.pattern} is not in ${input.path}: set path`)
        const found = await runSearch(
          { kind: 'glob', named, rules: rulesOf(context), ignored: input.ignored, pattern, limit: FILES, timeoutMs },
          context.signal,
        )
        return answer(found, '\n', 'no file fits')
      },
    }),
    defineTool({
      name: 'grep',
      description: `Finds lines by a JavaScript regular expression, in files newest first, at most ${MATCHES} unless limit says more. Looks at text files of any size line by line; leaves out binary files, .git, node_modules, what .gitignore names and files that look secret. Long lines are cut around the match.`,
      input: z.strictObject({
        pattern: z.string().min(1).max(2000).describe('The expression; (?i) at its beginning ignores case.'),
        path: folder.describe('A folder or one file, relative to the workspace or absolute.'),
        include: z
          .string()
          .min(1)
          .max(1000)
          .optional()
          .describe('Only files that fit this pattern of glob, such as *.{ts,tsx}.'),
        ignore_case: z.boolean().default(false),
        context: z.int().min(0).max(10).default(0).describe('How many lines to show before and after each.'),
        limit: z.int().min(1).max(1000).default(MATCHES).describe('How many matching lines.'),
        ignored,
      }),
      effect: 'read',
      title: ({ pattern, path }) => `grep: ${pattern}${path === '.' ? '' : ` in ${path}`}`,
      demand: ({ path }, context) => judgeSearch(path, context),
      async run(input, context) {
        const found = await runSearch(
          {
            kind: 'grep',
            named: pathOf(input.path, context),
            rules: rulesOf(context),
            ignored: input.ignored,
            pattern: input.pattern,
            ignoreCase: input.ignore_case,
            include: input.include ?? null,
            context: input.context,
            limit: input.limit,
            maxText: TEXT_MAX,
            timeoutMs,
          },
          context.signal,
        )
        return answer(found, '\n\n', 'no line fits')
      },
    }),
  ]
}

function judgeSearch(path: string, context: ToolContext): ToolDemand {
  const named = pathOf(path, context)
  return judgePath(targetOf(named), named, 'read', rulesOf(context))
}

function answer({ parts, notes, problem, count }: SearchResult, between: string, nothing: string): ToolResult {
  if (problem !== null) return failed(problem)
  const said = notes.map((note) => `[${note}]`).join('\n')
  if (count === 0) return done(said === '' ? nothing : `${nothing}\n${said}`)
  return done(said === '' ? parts.join(between) : `${parts.join(between)}\n${said}`)
}
