import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { AgentHarness, Asked, Scene, Step } from '../../testing/index.ts'
import { commandAgent } from '../index.ts'

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url))

/** Scripts program.ts, which asks for each act over loopback. */
export const commandHarness: AgentHarness = {
  agent: commandAgent,
  unavailable: null,
  model: null,
  effort: null,
  refusesBadAnswers: false,
  reportsTools: false,
  unknownFrame: '{"type":"belay_unknown","n":1}',
  reportsCost: true,
  faults: ['rate_limit', 'quota', 'auth'],
  timedFaults: ['rate_limit', 'quota'],
  start,
}

async function start(steps: readonly Step[]): Promise<Scene> {
  const asked: Asked[] = []
  const failures: unknown[] = []
  const waiters: { readonly index: number; readonly resolve: () => void }[] = []
  const take = (said: string): Step => {
    const last = steps.at(-1)
    const step = steps[asked.length] ?? (last?.every === true ? last : undefined)
    asked.push({ model: null, effort: null, text: said })
    for (const { index, resolve } of waiters) if (asked.length > index) resolve()
    if (!step) throw new Error('no step left')
    step.expect?.({ model: null, effort: null, text: said })
    return step
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const said = await text(request)
    try {
      const step = take(said)
      // Closing the connection makes the program end without a result; `hang` never answers.
      if ('disconnect' in step) response.destroy()
      else if (!('hang' in step)) response.end(JSON.stringify(step))
    } catch (error) {
      failures.push(error)
      response.writeHead(400).end(String(error))
    }
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy()) // the program ended during its request
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    env: { PATH: process.env.PATH ?? '', BELAY_SCRIPT_URL: `http://127.0.0.1:${port}/` },
    command: [process.execPath, PROGRAM],
    asked: () => asked,
    reached: (index) =>
      asked.length > index ? Promise.resolve() : new Promise((resolve) => waiters.push({ index, resolve })),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      if (asked.length < steps.length)
        failures.push(new Error(`only ${asked.length} of ${steps.length} steps were asked for`))
      if (failures.length > 0) throw new AggregateError(failures, `the script was not followed: ${failures.join('; ')}`)
    },
  }
}
