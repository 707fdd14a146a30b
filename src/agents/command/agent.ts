import { resolveProgram } from '../../process/index.ts'
import { guessedPaths } from '../paths/guessed.ts'
import type { Agent, Probe, TurnEvent, TurnRequest } from '../port.ts'
import { failed, runDialogue } from '../stdio/index.ts'
import { CommandDialogue } from './dialogue.ts'

/**
 * Any program as an agent: one JSON object on stdin, JSON lines on stdout, one process per turn. `command[0]` is an absolute
 * path (the caller resolves a path with a slash against the repository root) or a name to be found in `env.PATH`. The program
 * cannot be asked to stop, so an abort kills its group at once.
 */
export const commandAgent: Agent = {
  provider: 'command',
  capabilities: {
    // The input holds the schema beside the prompt.
    structuredOutput: true,
    resume: false,
    interrupt: false,
    usage: 'reported',
    quota: true,
    readOnly: false,
    model: false,
    approvals: false,
    steer: false,
    efforts: [],
  },
  ownPaths: guessedPaths,
  guessesPaths: true,
  probe(env, command): Promise<Probe> {
    const [program = ''] = command ?? []
    const path = program === '' ? null : resolveProgram(program, process.cwd(), env.PATH)
    const hint =
      path !== null
        ? null
        : program === ''
          ? 'set workflow.roles.X.command to the program and its arguments'
          : `${JSON.stringify(program)} was not found or may not be run: check the path and its executable bit`
    return Promise.resolve({ installed: path !== null, path, version: null, loggedIn: null, hint })
  },
  turn: commandTurn,
}

async function* commandTurn(request: TurnRequest): AsyncGenerator<TurnEvent> {
  const [program] = request.command ?? []
  if (request.command === null || program === undefined || program === '') {
    yield { type: 'end', end: failed('spawn', 'a command agent needs a program: set workflow.roles.X.command') }
    return
  }
  yield* runDialogue(request, new CommandDialogue(request, request.command))
}
