import { z } from 'zod'
import { formatDuration } from '../../core/duration.ts'
import { resolveProgram } from '../../process/index.ts'
import type { Tool, ToolContext, ToolDemand } from '../port.ts'
import { collect } from './output/collect.ts'
import { openToList, pathOf, rulesOf } from './paths/index.ts'
import { runInside } from './run-inside.ts'
import { defineTool, done, failed } from './tool.ts'

export interface BashLimits {
  readonly timeoutMs: number
  readonly maxTimeoutMs: number
  /** UTF-16 units of output that the model sees; more is cut in its middle. */
  readonly maxOutput: number
}

/** Merges stdout and stderr in the order they were written. Uses bash if there is one, as the tool's description says. */
const SCRIPT = 'exec 2>&1; if command -v bash >/dev/null 2>&1; then exec bash -c "$1"; else exec sh -c "$1"; fi'

/** Runs a command line in the sandbox. Every process that it started has ended when the call returns. */
export function bashTool({ timeoutMs, maxTimeoutMs, maxOutput }: BashLimits): Tool {
  return defineTool({
    name: 'bash',
    description: `Runs a command line with bash (sh where there is no bash) and returns what it wrote, stdout and stderr interleaved, and its exit code.
Every call is a new shell: folder, variables and background processes do not last; what still runs when the command ends is ended. There is no terminal and no input: commands that ask will not get an answer. Output over ${maxOutput} characters is cut in its middle and kept whole in a file that the answer names.
Use read, write, edit, glob and grep for files rather than cat, sed, find or grep.`,
    input: z.strictObject({
      command: z.string().min(1).describe('The command line.'),
      timeout: z
        .int()
        .min(1)
        .max(maxTimeoutMs)
        .default(timeoutMs)
        .describe(`Milliseconds after which it is ended; at most ${maxTimeoutMs}.`),
      workdir: z.string().default('.').describe('Folder to run in, relative to the workspace.'),
      description: z.string().optional().describe('What it does, in 5 to 10 words, for the people who watch.'),
    }),
    effect: 'write',
    title: ({ command }) => `bash: ${command}`,
    // Description and timeout are not part of what a person allowed.
    same: ({ command, workdir }) => [command, workdir],
    demand: ({ command, workdir }, context) => judgeCommand(command, pathOf(workdir, context), context),
    async run({ command, timeout, workdir }, context) {
      const cwd = folderOf(workdir, context)
      const output = collect(context.store, 'bash', maxOutput)
      const { exit, cut } = await runInside(context, {
        argv: shellOf(command, cwd, context),
        cwd,
        merged: true,
        timeoutMs: timeout,
        onStdout: output.add,
        onStderr: output.add,
      })
      const { text, fullOutput } = output.finish()
      if (cut !== null) {
        const why =
          cut === 'timeout' ? `ended after ${formatDuration(timeout)}, its timeout` : 'ended: the call was aborted'
        return failed(withNote(text, why), { exitCode: exit.code, fullOutput })
      }
      const status = exit.signal === null ? `exit code ${exit.code ?? 'unknown'}` : `ended by ${exit.signal}`
      return done(exit.code === 0 ? text || '(no output)' : withNote(text, status), { exitCode: exit.code, fullOutput })
    },
  })
}

/** Where systems keep bash: folders that no agent may write to and no sandbox hides. */
const SYSTEM = new Set(['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash'])

/**
 * The shell for a command line. It is looked up inside the sandbox, unless the host's own bash is visible there at the same
 * path.
 */
function shellOf(command: string, cwd: string, { sandbox, env }: ToolContext): readonly string[] {
  const bash = sandbox.backend === 'os' || sandbox.backend === 'host' ? resolveProgram('bash', cwd, env['PATH']) : null
  const isOurs = bash !== null && SYSTEM.has(bash) && sandbox.policy.denyRead.length === 0
  return isOurs ? [bash, '-c', command] : ['sh', '-c', SCRIPT, 'sh', command]
}

/** What the command policy says about a command line that runs in the folder `cwd` (host path). */
export function judgeCommand(command: string, cwd: string, { sandbox, policy, workspace }: ToolContext): ToolDemand {
  // Policy judges paths as the command sees them, inside the sandbox.
  const inside = sandbox.toInside(cwd) ?? cwd
  const { decision, reason } = policy.judge({
    command,
    cwd: inside,
    workspace: workspace === cwd ? inside : (sandbox.toInside(workspace) ?? workspace),
    access: sandbox.policy.access,
    confined: sandbox.confined,
  })
  return { decision, reason }
}

/** The real path of a folder that commands may run in. Throws as `openToList` does. */
export function folderOf(given: string, context: ToolContext): string {
  const { folder, path } = openToList(pathOf(given, context), rulesOf(context))
  folder.close()
  return path
}

function withNote(text: string, note: string): string {
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}[${note}]`
}
