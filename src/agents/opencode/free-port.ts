import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the range from which systems assign ports on their own, so that no connection takes the port meanwhile. */
const FIRST = 15_000
const LAST = 32_000
const TRIES = 100

/** A loopback port on which nobody listens now. Port 0 is no option: opencode takes it to mean its default port. */
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
