import { configEnv, OWN_CONFIG } from '../../../git/run.ts'
import type { Tool, ToolContext, ToolDemand } from '../../port.ts'
import { judgeCommand, folderOf } from '../bash.ts'
import { collect, type Collected } from '../output/collect.ts'
import { pathOf } from '../paths/index.ts'
import { commandLine } from '../quote.ts'
import { runInside } from '../run-inside.ts'

/** Time limit for one git command of a tool. */
const TIMEOUT_MS = 120_000

/**
 * Together with `CONFIG`, keeps git from starting a configured fsmonitor, an editor or a pager, and from asking at a terminal;
 * file names are taken and printed literally. Set by environment, so that the command line is exactly what policy judged.
 */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  GIT_LITERAL_PATHSPECS: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_EDITOR: 'true',
  GIT_PAGER: 'cat',
  LC_ALL: 'C.UTF-8',
}
const CONFIG = [
  ['core.fsmonitor', 'false'],
  ['core.quotePath', 'false'],
] as const

function environmentFor(effect: Tool['effect'], base: ToolContext['env']): Record<string, string> {
  if (effect === 'write') return { ...ENVIRONMENT, ...configEnv(CONFIG, base) }
  // No program that the repository names is left but filters and the transport of a partial clone (docs/security.md).
  return { ...ENVIRONMENT, GIT_OPTIONAL_LOCKS: '0', ...configEnv([...OWN_CONFIG, ...CONFIG], base) }
}

export interface GitEnded extends Collected {
  /** null: Belay ended it. */
  readonly code: number | null
}

/** What the command policy says about these git commands, judged as one command line. */
export function judgeGit(commands: readonly (readonly string[])[], path: string, context: ToolContext): ToolDemand {
  const line = commands.map((args) => commandLine(['git', ...args])).join(' && ')
  return judgeCommand(line, pathOf(path, context), context)
}

/**
 * Runs one git command in the sandbox; one that only reads starts no hooks. The text is at most about `maxOutput` characters.
 * Throws as `runInside` does.
 */
export async function runGit(
  effect: Tool['effect'],
  args: readonly string[],
  path: string,
  context: ToolContext,
  maxOutput: number,
): Promise<GitEnded> {
  const output = collect(context.store, `git-${args[0] ?? ''}`, maxOutput)
  const { exit, cut } = await runInside(context, {
    argv: ['git', ...args],
    cwd: folderOf(path, context),
    timeoutMs: TIMEOUT_MS,
    env: environmentFor(effect, context.env),
    onStdout: output.add,
    onStderr: output.add,
  })
  return { ...output.finish(), code: cut === null ? exit.code : null }
}
