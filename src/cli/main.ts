import { Command, CommanderError } from 'commander'
import { closeStanding } from '../agents/standing.ts'
import { BelayError } from '../core/errors.ts'
import { nearest } from '../core/text.ts'
import type { CommandEntry } from './command-entry.ts'
import { COMMANDS } from './commands/index.ts'
import type { Io } from './io.ts'
import { processIo } from './process-io.ts'
import { printError } from './print-error.ts'
import { keepHeapSmall } from './small-heap.ts'
import { arrange, rootCommand, setUp } from './program.ts'

/** No short command takes as long, in ms. */
const LASTING_MS = 500

/** Runs one command line and returns its exit status. All output goes through `io`. */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  // A growing heap makes starting quicker; commands that last longer drive agents.
  const lasting = setTimeout(keepHeapSmall, LASTING_MS).unref()
  const words = arrange(argv)
  const end = words.indexOf('--')
  const json = words.slice(0, end < 0 ? undefined : end).includes('--json')
  try {
    await parse(words, io)
    return io.exitCode
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0 // help or version was printed
    return printError(io, error, json)
  } finally {
    clearTimeout(lasting)
    await closeStanding()
  }
}

async function parse(words: readonly string[], io: Io): Promise<void> {
  const [name = '--help'] = words
  const entry = COMMANDS.find((one) => one.name === name)
  if (!entry && !name.startsWith('-')) throw unknownCommand(name)
  const program = rootCommand()
  // Only the called command is loaded, because start-up is most of what short commands cost.
  for (const one of COMMANDS) program.addCommand(one === entry ? await one.load(io) : stub(one))
  setUp(program, io)
  await program.parseAsync(['node', 'belay', ...(words.length === 0 ? [name] : words)])
}

function stub({ name, summary }: CommandEntry): Command {
  return new Command(name).description(summary)
}

function unknownCommand(name: string): BelayError {
  const names = COMMANDS.map((one) => one.name)
  const near = nearest(name, names)
  return new BelayError('usage', `there is no command "${name}"`, {
    expected: names.join(', '),
    received: name,
    next: near === null ? 'belay --help' : `belay ${near} --help`,
  })
}
