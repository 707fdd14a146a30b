import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Agent, TurnEvent, TurnRequest } from '../port.ts'
import { probeProgram, type Program } from '../probe.ts'
import { failed, runDialogue } from '../stdio/index.ts'
import { PiDialogue } from './dialogue.ts'
import { EFFORTS, refusalOf } from './launch.ts'
import { folderOf, piPaths } from './paths.ts'

/** pi, one process per turn, by its RPC mode. It has no permission system: it never asks. */
export const piAgent: Agent = {
  provider: 'pi',
  capabilities: {
    structuredOutput: false,
    resume: true,
    interrupt: true,
    usage: 'reported',
    quota: false,
    readOnly: true,
    model: true,
    approvals: false,
    steer: true,
    efforts: EFFORTS,
  },
  ownPaths: piPaths,
  probe: (env, command) => probeProgram(PROGRAM, env, command),
  turn: piTurn,
}

async function* piTurn(request: TurnRequest): AsyncGenerator<TurnEvent> {
  const refusal = refusalOf(request)
  if (refusal !== null) yield { type: 'end', end: failed('failed', refusal) }
  else yield* runDialogue(request, new PiDialogue(request))
}

const PROGRAM: Program = {
  argv: ['pi'],
  install: 'npm install -g @earendil-works/pi-coding-agent (it needs Node 22.19 or newer)',
  tested: '0.87.1',
  loggedIn: isLoggedIn,
  login: 'start pi in a terminal and /login, or set the key of a provider',
}

/** Whether pi has a login. Any provider's key may serve it, so only a stored login is certain; null: unknown. */
function isLoggedIn(env: Readonly<Record<string, string>>): boolean | null {
  const folder = folderOf(env)
  return folder !== null && existsSync(join(folder, 'auth.json')) ? true : null
}
