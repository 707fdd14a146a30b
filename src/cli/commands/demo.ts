import { Command } from 'commander'
import { resolve } from 'node:path'
import { FEATURE, createDemoProject } from '../../demo/index.ts'
import { quoteShell } from '../../git/quote.ts'
import { resolveProgram } from '../../process/index.ts'
import type { Io } from '../io.ts'

export interface DemoOptions {
  /** Folder for the project, relative to the current one; null: a new one in the system's temporary folder. */
  readonly dir: string | null
  /** Print only event lines on stdout, as `belay run --json` does. */
  readonly json: boolean
}

/** Does what `belay run ...argv` does in `cwd`, and returns its exit status. */
export type RunBelay = (args: { readonly cwd: string; readonly argv: readonly string[] }) => Promise<number>

const EXAMPLES = `
Examples:
  belay demo                    in a new temporary folder
  belay demo --dir ~/try-belay  in a folder of your choice
`

/** `belay demo`. `run` is the implementation of `belay run`, so that the demo is a run like any other. */
export function demoCommand(io: Io, run: RunBelay): Command {
  return new Command('demo')
    .description(
      'Make a throwaway project and run its three tasks with a scripted agent: no model, no key, no network.',
    )
    .option('--dir <folder>', 'where to make the project: an empty or new folder (default: a new temporary one)')
    .option('--json', 'events as NDJSON on stdout')
    .addHelpText('after', EXAMPLES)
    .action(async ({ dir, json }: { dir?: string; json?: true }) => {
      io.exitCode = await demo(io, { dir: dir ?? null, json: json === true }, run)
    })
}

/**
 * Creates the demo project and runs its three tasks with the scripted agent. Returns the exit status of the run. Throws
 * BelayError if the project cannot be created. The project stays, for the user to look at.
 */
export async function demo(io: Io, options: DemoOptions, run: RunBelay): Promise<number> {
  const { dir, files } = await createDemoProject(options.dir === null ? null : resolve(io.cwd, options.dir))
  io.note(`made a project of ${files.length} files and three tasks in ${dir}`)
  io.note('its agent is a script (no model, no key, no network); see belay.yaml')
  const status = await run({ cwd: dir, argv: [`specs/${FEATURE}`, ...(options.json ? ['--json'] : [])] })
  const lines =
    status === 0
      ? [...whatToSee(dir), ...howToCall(io)]
      : [`the demo did not come to its end; see: cd ${quoteShell(dir)} && belay status`]
  for (const line of lines) {
    if (options.json) io.note(line)
    else io.out(line)
  }
  return status
}

function whatToSee(dir: string): string[] {
  return [
    '',
    'What happened: T001 passed at once. T002 failed the gate, and was fixed with its output. T003 passed the gate, but',
    'the review found what no test looked at, and it was reworked. Each is one commit that Belay itself has proven.',
    '',
    `  cd ${quoteShell(dir)}`,
    '  git log            the commits, with what proves them in their trailers',
    '  belay status       the run and its tasks',
    '  belay show T002    two attempts, and the evidence of both',
    '  belay show T003    the finding of the review, and how it was resolved',
    '  belay logs T003    what the agent said and did',
    '',
    'Your own project: belay init, then belay run.',
  ]
}

/**
 * How to call Belay where it is not installed: `npm run demo` in a checkout may be the first that somebody sees of Belay, and
 * `belay` is no command there.
 */
function howToCall({ cwd, env }: Io): string[] {
  const [node, program = ''] = process.argv
  if (resolveProgram('belay', cwd, env['PATH']) !== null || program === '') return []
  return [
    '`belay` is not installed yet. Until it is, call it like this:',
    `  ${quoteShell(node ?? process.execPath)} ${quoteShell(resolve(program))} status`,
  ]
}
