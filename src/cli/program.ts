import { Command } from 'commander'
import type { CommandEntry } from './command-entry.ts'
import type { Io } from './io.ts'
import { asUsage } from './usage.ts'
import { version } from './version.ts'

/** Flags that may also come before the command. */
const ANYWHERE = new Set(['--json', '--verbose'])

/**
 * Arranges a command line for commander: the command first, global flags after it, and `help X` as `X --help`. The words after
 * the command keep their order.
 */
export function arrange(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((word) => !ANYWHERE.has(word))
  const command = at < 0 ? undefined : argv[at]
  if (at < 0 || command === undefined) return argv
  const flags = argv.slice(0, at)
  const rest = argv.slice(at + 1)
  if (command !== 'help') return command.startsWith('-') ? argv : [command, ...flags, ...rest]
  return [...rest.filter((word) => !word.startsWith('-')), '--help']
}

/** `belay` itself, without its commands. */
export function rootCommand(): Command {
  return new Command('belay')
    .description('The control plane for coding agents that you can leave alone.')
    .usage('COMMAND [options]')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help; also: belay help COMMAND')
    .helpCommand(false)
    .addHelpText('after', HELP)
}

/** Lets Belay print the errors of a command and its subcommands, and sends help through `io`. */
export function setUp(command: Command, io: Io): void {
  command
    .exitOverride((error) => {
      throw asUsage(error, command)
    })
    .configureOutput({ writeOut: (text) => io.out(text.replace(/\n$/, '')), writeErr: () => {} })
    .showHelpAfterError(false)
    .showSuggestionAfterError(false)
  if (command.parent) command.helpOption('-h, --help', 'print this help').helpCommand(false)
  for (const sub of command.commands) setUp(sub, io)
}

/** All of belay with every command loaded, for documentation and completion. */
export async function wholeProgram(io: Io, entries: readonly CommandEntry[]): Promise<Command> {
  const program = rootCommand()
  for (const entry of entries) program.addCommand(await entry.load(io))
  setUp(program, io)
  return program
}

const HELP = `
Examples:
  belay demo                     see it work, without keys
  belay init                     write belay.yaml for this repository
  belay run "Add a --version flag"
  belay run specs/001-feature    one proven commit per task
  belay status                   how things stand
  belay show T003                why a task is done, or what to do next

Every command: belay COMMAND --help. Results are printed on stdout, progress on stderr; --json prints for programs.`
