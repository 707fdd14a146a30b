import { Command, CommanderError } from 'commander'
import { BelayError } from '../core/errors.ts'
import { nearest } from '../core/text.ts'
import { COMMANDS, type CommandEntry } from './commands/index.ts'
import type { Io } from './io.ts'
import { processIo } from './process-io.ts'
import { printError } from './print-error.ts'
import { version } from './version.ts'

/** Runs one command line and returns its exit status; everything it prints goes through `io`. */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const json = argv.includes('--json')
  try {
    await parse(argv, io)
    return io.exitCode
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0 // help and version were printed
    return printError(io, asUsage(error), json)
  }
}

async function parse(argv: readonly string[], io: Io): Promise<void> {
  const name = argv.find((word) => !word.startsWith('-'))
  const entry = COMMANDS.find((one) => one.name === name)
  if (name !== undefined && name !== 'help' && !entry && argv[0] === name) throw unknownCommand(name)
  const program = new Command('belay')
    .description('The control plane for coding agents that you can leave alone.')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text.replace(/\n$/, '')), writeErr: () => {} })
    .addHelpText('after', HELP)
    .showHelpAfterError(false)
  // Only the command that is wanted is loaded: starting is most of what short commands cost.
  for (const one of COMMANDS) program.addCommand(one === entry ? await load(one, io) : stub(one))
  if (argv.length === 0) {
    program.outputHelp()
    return
  }
  await program.parseAsync(['node', 'belay', ...argv])
}

async function load(entry: CommandEntry, io: Io): Promise<Command> {
  const command = await entry.load(io)
  prepare(command)
  return command
}

/** Errors are ours to print, of a command's own sub-commands too. */
function prepare(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {} })
  for (const sub of command.commands) prepare(sub as Command)
}

function stub({ name, summary }: CommandEntry): Command {
  return new Command(name).description(summary)
}

function asUsage(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error
  const message = error.message.replace(/^error: /, '')
  return new BelayError('usage', message, { next: 'belay --help, or belay COMMAND --help', cause: error })
}

function unknownCommand(name: string): BelayError {
  const near = nearest(name, COMMANDS.map((one) => one.name))
  return new BelayError('usage', `there is no command "${name}"`, {
    expected: COMMANDS.map((one) => one.name).join(', '),
    received: name,
    next: near === null ? 'belay --help' : `belay ${near} --help`,
  })
}

const HELP = `
Examples:
  belay demo                     see it work, without keys
  belay init                     write belay.yaml for this repository
  belay run "Add a --version flag"
  belay run specs/001-feature    one proven commit per task
  belay status                   how things stand
  belay show T003                why a task is done, or what to do next
`
