import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Agent, TurnEvent, TurnRequest } from '../port.ts'
import { probeProgram, type Program } from '../probe.ts'
import { failed, runDialogue } from '../stdio/index.ts'
import { OpencodeDialogue } from './dialogue.ts'
import { OPENCODE_TESTED, opencodePaths } from './paths.ts'
import { freePort } from './free-port.ts'

/** opencode, driven by its own server: one per turn, on a free loopback port and protected by a password. */
export const opencodeAgent: Agent = {
  provider: 'opencode',
  capabilities: {
    structuredOutput: false,
    resume: true,
    interrupt: true,
    usage: 'reported',
    quota: false,
    readOnly: true,
    model: true,
    approvals: true,
    steer: false,
    efforts: [],
  },
  ownPaths: opencodePaths,
  probe: (env, command) => probeProgram(PROGRAM, env, command),
  turn: opencodeTurn,
}

/** How often a server is started in all if its port turns out to be taken. */
const STARTS = 3
const PORT_TAKEN = /EADDRINUSE|already in use|ServeError/

async function* opencodeTurn(request: TurnRequest): AsyncGenerator<TurnEvent> {
  if (request.model !== null && !request.model.includes('/')) {
    const message = `the model ${JSON.stringify(request.model)} names no provider: opencode wants PROVIDER/MODEL`
    yield { type: 'end', end: failed('failed', message) }
    return
  }
  const password = randomBytes(24).toString('base64url')
  for (let attempt = 1; ; attempt++) {
    const dialogue = new OpencodeDialogue(request, await freePort(), password)
    let end: TurnEvent | null = null
    for await (const event of runDialogue(request, dialogue)) {
      if (event.type === 'end') end = event
      else yield event
    }
    // Another program may have taken the port meanwhile. The server has said nothing then, and no model was asked.
    if (end?.type === 'end' && end.end.status === 'failed' && dialogue.isMute() && attempt < STARTS) {
      if (PORT_TAKEN.test(end.end.error.stderrTail)) continue
    }
    if (end !== null) yield end
    return
  }
}

const PROGRAM: Program = {
  argv: ['opencode'],
  install: 'npm install -g opencode-ai',
  tested: OPENCODE_TESTED,
  // A provider's key in the environment is a login too, but only a stored login is certain.
  loggedIn: (env) => (opencodePaths(env).kept.some((folder) => existsSync(join(folder, 'auth.json'))) ? true : null),
  login: 'opencode auth login',
}
