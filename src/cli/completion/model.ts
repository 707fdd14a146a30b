import type { Argument, Command, Option } from 'commander'
import { PROVIDER_NAMES } from '../../config/providers.ts'
import { BACKENDS } from '../../sandbox/port.ts'

/** The kinds of `belay completion --list KIND`. */
export const LISTS = [
  'tasks',
  'runs',
  'checkpoints',
  'options',
  'sessions',
  'workflows',
  'features',
  'branches',
  'definitions',
  'models',
  'efforts',
  'phases',
] as const
export type ListKind = (typeof LISTS)[number]

/** What can be at a place of a command line. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** `files`: a path is possible, too. */
  | { readonly kind: 'list'; readonly list: ListKind; readonly files: boolean }
  | { readonly kind: 'files' }
  | { readonly kind: 'nothing' }

export interface Flag {
  /** `--json`, and `-h` if there is one. */
  readonly names: readonly string[]
  readonly summary: string
  /** null: the flag takes no value. */
  readonly value: Values | null
}

/** A command, as completion needs it. */
export interface Place {
  /** Command words without the program: `agents probe`; empty for the program itself. */
  readonly path: string
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[]
  readonly flags: readonly Flag[]
  readonly positions: readonly Values[]
}

/** The whole program as places, the program itself first. `programs`: names for `belay program show`. */
export function placesOf(program: Command, programs: readonly string[]): Place[] {
  const places: Place[] = []
  const meant: Readonly<Record<string, Values>> = { ...MEANT, 'program show <name>': words(programs) }
  const visit = (command: Command, names: readonly string[]): void => {
    const help = command.createHelp()
    const path = names.join(' ')
    const valuesOf = (key: string, given: Option | Argument, placeholder: string): Values =>
      given.argChoices !== undefined
        ? words(given.argChoices)
        : (meant[`${path} ${key}`] ?? meant[key] ?? BY_PLACEHOLDER[placeholder] ?? { kind: 'nothing' })
    places.push({
      path,
      subcommands: help
        .visibleCommands(command)
        .map((one) => ({ name: one.name(), summary: firstSentence(one.description()) })),
      flags: help.visibleOptions(command).map((option) => {
        const { long, short, required, optional, description, flags } = option
        const placeholder = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? ''
        const value = required || optional ? valuesOf(long ?? '', option, placeholder) : null
        return { names: [long, short].filter((name) => typeof name === 'string'), summary: description, value }
      }),
      positions: command.registeredArguments.map((one) => valuesOf(`<${one.name()}>`, one, one.name())),
    })
    for (const sub of command.commands) visit(sub, [...names, sub.name()])
  }
  visit(program, [])
  return places
}

function words(all: readonly string[]): Values {
  return { kind: 'words', words: all }
}

function list(kind: ListKind, files = false): Values {
  return { kind: 'list', list: kind, files }
}

/** What a flag or an argument takes. A key that begins with a command's name applies only to that command. */
const MEANT: Readonly<Record<string, Values>> = {
  '--agent': words(PROVIDER_NAMES),
  '--implementer': words(PROVIDER_NAMES),
  '--reviewer': words(PROVIDER_NAMES),
  'agents probe <name>': words(PROVIDER_NAMES),
  '--sandbox': words(BACKENDS),
  '--network': words(['none', 'full']),
  '--effort': list('efforts'),
  '--model': list('models'),
  '--definition': list('definitions'),
  '--feature': list('features'),
  '--into': list('branches'),
  'retry --from': list('phases'),
  'answer <value>': list('options'),
  'policy check --cwd': { kind: 'files' },
}

/** What a placeholder in the help means. */
const BY_PLACEHOLDER: Readonly<Record<string, Values>> = {
  task: list('tasks'),
  'run|task': list('tasks'),
  run: list('runs'),
  session: list('sessions'),
  id: list('checkpoints'),
  'name|path': list('workflows', true),
  'name|path|run': list('workflows', true),
  what: { kind: 'files' },
  file: { kind: 'files' },
  path: { kind: 'files' },
  folder: { kind: 'files' },
}

function firstSentence(text: string): string {
  return /^[^.;]*/.exec(text)?.[0] ?? text
}
