import { Argument, Command, Option } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { bashScript } from '../completion/bash.ts'
import { fishScript } from '../completion/fish.ts'
import { offersOf, type Offer } from '../completion/lists.ts'
import { LISTS, placesOf, type ListKind, type Place } from '../completion/model.ts'
import { zshScript } from '../completion/zsh.ts'
import type { Io } from '../io.ts'
import { oneLine } from '../views/format.ts'

const SCRIPTS: Readonly<Record<string, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

const SHELLS = Object.keys(SCRIPTS)

const EXAMPLES = `
Examples:
  source <(belay completion bash)                                  in ~/.bashrc
  source <(belay completion zsh)                                   in ~/.zshrc, after compinit
  belay completion fish > ~/.config/fish/completions/belay.fish

Commands, flags and what they take are completed: tasks, runs, phases, open questions and their answers, sessions, agents, models,
sandboxes, agent definitions, workflows, features, branches, files.
`

interface Flags {
  list?: ListKind
  typed?: string
}

/** `belay completion SHELL`. `whole` returns all of belay, from which the script is generated. */
export function completionCommand(io: Io, whole: () => Promise<Command>): Command {
  return new Command('completion')
    .description('Print the completion script for a shell.')
    .addArgument(new Argument('[shell]', 'the shell').choices(SHELLS))
    .addOption(new Option('--list <kind>', 'what a script asks for').choices(LISTS).hideHelp())
    .addOption(new Option('--typed <words>', 'with --list: what stands before, a word a line').hideHelp())
    .addHelpText('after', EXAMPLES)
    .action(async (shell: string | undefined, flags: Flags) => {
      if (flags.list !== undefined) {
        const typed = (flags.typed ?? '').split('\n').filter((word) => word !== '')
        for (const offer of await offersOf(flags.list, io, typed)) print(io, offer)
        return
      }
      const script = SCRIPTS[shell ?? '']
      if (!script)
        throw new BelayError('usage', 'belay completion needs a shell', {
          expected: SHELLS.join(', '),
          next: 'belay completion --help',
        })
      const { PROGRAM_NAMES } = await import('../completion/recorded.ts')
      io.out(script(placesOf(await whole(), PROGRAM_NAMES)).trimEnd())
    })
}

function print(io: Io, { name, what }: Offer): void {
  io.out(`${oneLine(name, 200)}\t${oneLine(what, 80)}`)
}
