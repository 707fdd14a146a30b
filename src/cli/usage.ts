import { CommanderError, type Command } from 'commander'
import { BelayError } from '../core/errors.ts'
import { nearest } from '../core/text.ts'

/** Names of a command, from below the program down: `agents probe`. */
export function commandPath(command: Command): string {
  const names: string[] = []
  for (let one: Command | null = command; one?.parent; one = one.parent) names.unshift(one.name())
  return names.join(' ')
}

/** Turns commander's error about a command line into Belay's own, with the nearest known name and where to look. */
export function asUsage(error: CommanderError, command: Command): CommanderError | BelayError {
  if (error.exitCode === 0) return error // help or version was requested
  const path = commandPath(command)
  const name = path === '' ? 'belay' : `belay ${path}`
  switch (error.code) {
    case 'commander.unknownOption':
      return unknownOption(error, command, name)
    case 'commander.excessArguments':
    case 'commander.unknownCommand':
      return command.commands.length > 0 ? unknownSubcommand(command, name) : tooMuch(command, name)
    case 'commander.help':
      return usage(
        `${name} needs a command`,
        { expected: subcommands(command).join(', '), next: `${name} --help` },
        error,
      )
    case 'commander.missingArgument':
      return usage(`${name} needs ${nameIn(error)?.toUpperCase() ?? 'an argument'}`, { next: `${name} --help` }, error)
    default:
      return usage(`${name}: ${plain(error)}`, { next: `${name} --help` }, error)
  }
}

function unknownOption(error: CommanderError, command: Command, name: string): BelayError {
  const given = nameIn(error) ?? ''
  const known = [...command.options.flatMap(({ long, short }) => [long, short]), '--help'].filter(
    (one) => typeof one === 'string',
  )
  const near = nearest(given, known)
  const isOfAnother = command.registeredArguments.some(({ variadic }) => variadic)
  const unlike = isOfAnother ? `put -- before a command that has options of its own: ${name} -- ...` : `${name} --help`
  const next = near === null ? unlike : `did you mean ${near}? All options: ${name} --help`
  return usage(
    `${name} has no option ${given}`,
    { expected: known.filter((one) => one.startsWith('--')).join(', '), received: given, next },
    error,
  )
}

function unknownSubcommand(command: Command, name: string): BelayError {
  const given = command.args[0] ?? ''
  const known = subcommands(command)
  const near = nearest(given, known)
  return usage(`there is no command "${name} ${given}"`, {
    expected: known.join(', '),
    received: given,
    next: near === null ? `${name} --help` : `${name} ${near} --help`,
  })
}

function tooMuch(command: Command, name: string): BelayError {
  const takes = command.registeredArguments.length
  const count = takes === 0 ? 'no argument' : takes === 1 ? 'one argument' : `${takes} arguments`
  const quote = takes === 0 ? '' : 'put quotes around text with spaces, or see: '
  return usage(`${name} takes ${count}`, {
    expected: count,
    received: command.args.join(' '),
    next: `${quote}${name} --help`,
  })
}

function subcommands(command: Command): string[] {
  return command.commands.map((one) => one.name())
}

/** The name that commander quotes in its message. */
function nameIn(error: CommanderError): string | null {
  return /'([^']+)'/.exec(error.message)?.[1] ?? null
}

function plain(error: CommanderError): string {
  return error.message.replace(/^error: /, '')
}

interface Details {
  readonly expected?: string
  readonly received?: string
  readonly next: string
}

function usage(message: string, details: Details, cause?: unknown): BelayError {
  return new BelayError('usage', message, { ...details, cause })
}
