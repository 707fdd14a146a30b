import type { Argument, Command, Option } from 'commander'

/** What can stand in a place of a command line. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** Asked of `belay completion --list KIND` when the key is pressed. */
  | { readonly kind: 'tasks' | 'runs' | 'checkpoints' | 'sessions' }
  | { readonly kind: 'files' }
  | { readonly kind: 'nothing' }

export interface Flag {
  /** `--json`, and `-h` where there is one. */
  readonly names: readonly string[]
  readonly summary: string
  /** null: it takes no value. */
  readonly value: Values | null
}

/** A command as completion sees it. */
export interface Place {
  /** Words from the program down: `agents probe`; empty for the program itself. */
  readonly path: string
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[]
  readonly flags: readonly Flag[]
  readonly positions: readonly Values[]
}

/** The whole program as places, the program itself first. */
export function placesOf(program: Command): Place[] {
  const places: Place[] = []
  const visit = (command: Command, path: readonly string[]): void => {
    const help = command.createHelp()
    places.push({
      path: path.join(' '),
      subcommands: help
        .visibleCommands(command)
        .map((one) => ({ name: one.name(), summary: firstSentence(one.description()) })),
      flags: help.visibleOptions(command).map(flagOf),
      positions: command.registeredArguments.map(positionOf),
    })
    for (const sub of command.commands) visit(sub, [...path, sub.name()])
  }
  visit(program, [])
  return places
}

function flagOf(option: Option): Flag {
  const names = [option.long, option.short].filter((name) => typeof name === 'string')
  const takes = option.required || option.optional
  const placeholder = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? ''
  return { names, summary: option.description, value: takes ? valuesOf(placeholder, option.argChoices) : null }
}

function positionOf(argument: Argument): Values {
  return valuesOf(argument.name(), argument.argChoices)
}

/** What a placeholder in the help stands for. */
function valuesOf(placeholder: string, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return { kind: 'words', words: choices }
  switch (placeholder) {
    case 'task':
    case 'run|task':
      return { kind: 'tasks' }
    case 'run':
      return { kind: 'runs' }
    case 'session':
      return { kind: 'sessions' }
    case 'id':
      return { kind: 'checkpoints' }
    case 'what':
    case 'file':
    case 'path':
    case 'folder':
      return { kind: 'files' }
    default:
      return { kind: 'nothing' }
  }
}

function firstSentence(text: string): string {
  return /^[^.;]*/.exec(text)?.[0] ?? text
}
