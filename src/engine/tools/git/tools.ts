import { z } from 'zod'
import type { Tool, ToolResult } from '../../port.ts'
import { defineTool, done, failed } from '../tool.ts'
import { judgeGit, runGit, type GitEnded } from './run.ts'
import { describeStatus, parseStatus } from './status.ts'

const OUTPUT_MAX = 30_000
/** Larger than the others, because a status is parsed before it is shortened. */
const STATUS_MAX = 4_000_000

const path = z.string().default('.').describe('A folder of the repository, relative to the workspace.')
const file = z.string().min(1).optional().describe('Only this file or folder, relative to path.')

/** Git as tools: they run the same commands as bash would, judged by the same command policy. */
export const gitTools: readonly Tool[] = [
  defineTool({
    name: 'git_status',
    description: 'Shows the branch, and which files are staged, changed, in conflict or untracked.',
    input: z.strictObject({ path }),
    effect: 'read',
    title: () => 'git status',
    demand: (input, context) => judgeGit([statusArgs], input.path, context),
    async run(input, context) {
      const ended = await runGit('read', statusArgs, input.path, context, STATUS_MAX)
      return ended.code === 0 ? done(describeStatus(parseStatus(ended.text))) : failure(ended)
    },
  }),
  defineTool({
    name: 'git_diff',
    description: `Shows what has changed and is not staged, or what is staged: counts by file, then the lines; cut in the middle over ${OUTPUT_MAX} characters.`,
    input: z.strictObject({ staged: z.boolean().default(false), file, path }),
    effect: 'read',
    title: (input) => `git diff${input.staged ? ' --staged' : ''}${input.file === undefined ? '' : ` ${input.file}`}`,
    demand: (input, context) => judgeGit([diffArgs(input)], input.path, context),
    async run(input, context) {
      const ended = await runGit('read', diffArgs(input), input.path, context, OUTPUT_MAX)
      return ended.code === 0 ? shown(ended, 'no difference') : failure(ended)
    },
  }),
  defineTool({
    name: 'git_log',
    description: 'Shows the newest commits: hash, date, author, subject.',
    input: z.strictObject({ count: z.int().min(1).max(50).default(10), file, path }),
    effect: 'read',
    title: (input) => `git log${input.file === undefined ? '' : ` ${input.file}`}`,
    demand: (input, context) => judgeGit([logArgs(input)], input.path, context),
    async run(input, context) {
      const ended = await runGit('read', logArgs(input), input.path, context, OUTPUT_MAX)
      return ended.code === 0 ? shown(ended, 'no commit') : failure(ended)
    },
  }),
  defineTool({
    name: 'git_commit',
    description:
      'Makes a commit of what is staged. With files those are staged before, with all everything that has changed, also what is untracked.',
    input: z.strictObject({
      message: z.string().trim().min(1).max(20_000),
      files: z.array(z.string().min(1)).max(500).default([]).describe('Files to stage, relative to path.'),
      all: z.boolean().default(false),
      path,
    }),
    effect: 'write',
    title: ({ message }) => `git commit: ${message}`,
    demand: (input, context) => judgeGit(commitCommands(input), input.path, context),
    async run(input, context) {
      for (const args of commitCommands(input)) {
        const ended = await runGit('write', args, input.path, context, OUTPUT_MAX)
        if (ended.code !== 0) return failure(ended)
      }
      return shown(
        await runGit('read', ['log', '--max-count=1', '--stat', FORMAT], input.path, context, OUTPUT_MAX),
        '',
      )
    },
  }),
]

const FORMAT = '--pretty=format:%h %ad %an: %s'

const statusArgs = ['status', '--porcelain=v2', '--branch', '--untracked-files=all']

function diffArgs(input: { readonly staged: boolean; readonly file?: string | undefined }): string[] {
  const staged = input.staged ? ['--staged'] : []
  return ['diff', '--no-color', '--no-ext-diff', '--no-textconv', '--stat', '--patch', ...staged, ...only(input.file)]
}

function logArgs(input: { readonly count: number; readonly file?: string | undefined }): string[] {
  return ['log', '--no-color', '--date=iso-strict', FORMAT, `--max-count=${input.count}`, ...only(input.file)]
}

interface Commit {
  readonly message: string
  readonly files: readonly string[]
  readonly all: boolean
}

function commitCommands({ message, files, all }: Commit): string[][] {
  const stage = all ? [['add', '--all']] : files.length > 0 ? [['add', '--', ...files]] : []
  return [...stage, ['commit', '--quiet', '-m', message]]
}

function only(name: string | undefined): string[] {
  return name === undefined ? [] : ['--', name]
}

function shown({ text, code, fullOutput }: GitEnded, nothing: string): ToolResult {
  return done(text || nothing, { exitCode: code, fullOutput })
}

function failure({ text, code, fullOutput }: GitEnded): ToolResult {
  const why =
    code === null ? 'git was ended: it took too long, or the call was aborted' : `git ended with exit code ${code}`
  // Outside a repository, `git diff` prints the help of its other mode after this warning.
  const said = text.startsWith('warning: Not a git repository.') ? 'fatal: not a git repository' : text
  return failed(`${why}\n${said}`.trimEnd(), { exitCode: code, fullOutput })
}
