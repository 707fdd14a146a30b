import { Argument, Command, Option } from 'commander'
import { stateHome } from '../../core/home.ts'
import { BelayError } from '../../core/errors.ts'
import { listCheckpoints, listRuns, listTasks } from '../../record/index.ts'
import { bashScript } from '../completion/bash.ts'
import { fishScript } from '../completion/fish.ts'
import { placesOf, type Place } from '../completion/model.ts'
import { zshScript } from '../completion/zsh.ts'
import type { Io } from '../io.ts'
import { here, withRecord } from '../session.ts'
import { SessionStore, openAsks } from '../../sessions/index.ts'
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

Commands, flags, task handles, runs, sessions and open questions are completed.
`

/** `belay completion SHELL`; `whole` gives all of belay, from which the script is made. */
export function completionCommand(io: Io, whole: () => Promise<Command>): Command {
  return new Command('completion')
    .description('Print the completion script for a shell.')
    .addArgument(new Argument('[shell]', 'the shell').choices(SHELLS))
    .addOption(
      new Option('--list <kind>', 'what a script asks for')
        .choices(['tasks', 'runs', 'checkpoints', 'sessions'])
        .hideHelp(),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (shell: string | undefined, flags: { list?: Kind }) => {
      if (flags.list !== undefined) return list(io, flags.list)
      const script = SCRIPTS[shell ?? '']
      if (!script)
        throw new BelayError('usage', 'belay completion needs a shell', {
          expected: SHELLS.join(', '),
          next: 'belay completion --help',
        })
      io.out(script(placesOf(await whole())).trimEnd())
    })
}

type Kind = 'tasks' | 'runs' | 'checkpoints' | 'sessions'

/** Names with a tab and what they are, for the scripts. */
async function list(io: Io, kind: Kind): Promise<void> {
  const sessions = new SessionStore(stateHome(io.env))
  if (kind === 'sessions') {
    for (const { meta } of await sessions.list()) print(io, meta.id, `${meta.turns} turns, ${meta.title ?? ''}`)
    return
  }
  if (kind === 'checkpoints')
    for (const ask of await openAsks(sessions)) print(io, ask.id, `${ask.session}: ${ask.question}`)
  const { id } = await here(io)
  await withRecord(io, async (record) => {
    const runs = await listRuns(record.read, id)
    if (kind === 'runs') {
      for (const run of runs) print(io, run.id, `${run.status}, ${run.source.feature ?? run.source.prompt ?? ''}`)
    } else if (kind === 'tasks') {
      const [newest] = runs
      for (const task of newest === undefined ? [] : await listTasks(record.read, newest.id))
        print(io, task.handle, `${task.status}, ${task.title}`)
    } else {
      const open = await listCheckpoints(record.read, { runs: runs.map((run) => run.id), open: true })
      for (const question of open) print(io, question.id, `${question.task}: ${question.question}`)
    }
  })
}

function print(io: Io, name: string, what: string): void {
  io.out(`${oneLine(name, 200)}\t${oneLine(what, 80)}`)
}
