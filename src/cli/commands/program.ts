import { Command } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { nearest } from '../../core/text.ts'
import { drawMermaid, drawProgram, type Program } from '../../kernel/index.ts'
import { batchProgram } from '../../programs/batch/index.ts'
import { workflowProgram } from '../../programs/workflow/index.ts'
import { directProgram } from '../../programs/direct/program.ts'
import type { Io } from '../io.ts'

const EXAMPLES = `
Examples:
  belay program show direct
  belay program show direct --mermaid > direct.mmd
`

/** What is needed to draw a program, without the type of its services. */
type Drawn = Pick<Program<never>, 'name' | 'entry' | 'phases'>

const PROGRAMS: readonly Drawn[] = [directProgram, batchProgram, workflowProgram]

/** `belay program show NAME`. */
export function programCommand(io: Io): Command {
  const names = PROGRAMS.map((one) => one.name)
  const show = new Command('show')
    .description('The phases of a program and where each outcome leads.')
    .argument('<name>', `name of a program: ${names.join(', ')}`)
    .option('--mermaid', 'as a Mermaid state diagram')
    .option('--json', 'as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action((name: string, flags: { mermaid?: true; json?: true }) => {
      const program = find(name)
      if (flags.json) io.out(JSON.stringify(asJson(program)))
      else io.out(flags.mermaid ? drawMermaid(program) : drawProgram(program))
    })
  return new Command('program')
    .description('What a program does with a task: its phases and transitions.')
    .addCommand(show)
    .addHelpText('after', EXAMPLES)
}

function find(name: string): Drawn {
  const found = PROGRAMS.find((one) => one.name === name)
  if (found) return found
  const names = PROGRAMS.map((one) => one.name)
  const near = nearest(name, names)
  throw new BelayError('program_unknown', `there is no program "${name}"`, {
    expected: names.join(', '),
    received: name,
    next: `belay program show ${near ?? names[0] ?? ''}`,
  })
}

function asJson({ name, entry, phases }: Drawn): object {
  const list = [...phases].map(([phase, { does, on }]) => ({ phase, does, on }))
  return { program: name, entry, phases: list }
}
