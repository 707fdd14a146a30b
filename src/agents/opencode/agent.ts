import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { resolveProgram } from '../../process/index.ts'
import type { Agent, Probe, TurnEvent, TurnRequest } from '../port.ts'
import { versionOf } from '../probe.ts'
import { failed, runDialogue } from '../stdio/index.ts'
import { OpencodeDialogue } from './dialogue.ts'
import { opencodePaths } from './paths.ts'

/** opencode by its own server: one for each turn, on a free port of loopback and behind a password. */
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
  probe: probeOpencode,
  turn: opencodeTurn,
}

async function* opencodeTurn(request: TurnRequest): AsyncGenerator<TurnEvent> {
  if (request.model !== null && !request.model.includes('/')) {
    const message = `the model ${JSON.stringify(request.model)} names no provider: opencode wants PROVIDER/MODEL`
    yield { type: 'end', end: failed('failed', message) }
    return
  }
  const password = randomBytes(24).toString('base64url')
  yield* runDialogue(request, new OpencodeDialogue(request, await freePort(), password))
}

/** A port that nobody listens on now: opencode takes port 0 for its default port. */
async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function probeOpencode(env: Readonly<Record<string, string>>, command: readonly string[] | null): Promise<Probe> {
  const [program = 'opencode', ...args] = command ?? []
  const path = resolveProgram(program, process.cwd(), env.PATH)
  if (path === null) {
    const hint = `${JSON.stringify(program)} was not found: npm install -g opencode-ai`
    return { installed: false, path: null, version: null, loggedIn: null, hint }
  }
  // A provider's key in the environment is a login too: only a stored one is certain.
  const stored = opencodePaths(env).kept.some((folder) => existsSync(join(folder, 'auth.json')))
  return {
    installed: true,
    path,
    version: await versionOf([path, ...args], env),
    loggedIn: stored ? true : null,
    hint: null,
  }
}
