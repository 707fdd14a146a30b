import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the ports that systems give out by themselves, so that no connection of anybody comes to lie on it meanwhile. */
const FIRST = 15_000
const LAST = 32_000
const TRIES = 100

/** A port of loopback that nobody listens on now: opencode takes port 0 for its default port. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = randomInt(FIRST, LAST)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port between ${FIRST} and ${LAST} was found`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
