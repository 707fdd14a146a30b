/** Publishes to NATS: core publish with `Nats-Msg-Id`, so that a JetStream stream keeps every event once. */
import { readFile } from 'node:fs/promises'
import type { Outlet } from './publisher.ts'

export interface NatsConfig {
  readonly url: string
}

type Environment = Readonly<Record<string, string | undefined>>

const CONNECT_MS = 3000
const CONFIRM_MS = 5000

/**
 * Connects to a server with the credentials in `BELAY_NATS_TOKEN`, `..._USER` and `..._PASSWORD`, or `..._CREDS` (agents and
 * gates get none of them: agents/environment.ts). Sends nothing to a `tls://` server without TLS. Throws the server's error.
 * Does not reconnect, because the caller knows what to send again.
 */
export async function openNats(config: NatsConfig, env: Environment, signal: AbortSignal): Promise<Outlet> {
  signal.throwIfAborted()
  const { connect, credsAuthenticator, headers } = await import('@nats-io/transport-node')
  const creds = env['BELAY_NATS_CREDS']
  const tls = tlsOf(config.url, env)
  const connecting = connect({
    servers: config.url,
    name: 'belay',
    reconnect: false,
    timeout: CONNECT_MS,
    ...(env['BELAY_NATS_TOKEN'] ? { token: env['BELAY_NATS_TOKEN'] } : {}),
    ...(env['BELAY_NATS_USER'] ? { user: env['BELAY_NATS_USER'], pass: env['BELAY_NATS_PASSWORD'] ?? '' } : {}),
    ...(tls === null ? {} : { tls }),
    ...(creds ? { authenticator: credsAuthenticator(await readFile(creds)) } : {}),
  })
  let connection: Awaited<typeof connecting>
  try {
    connection = await within(connecting, CONNECT_MS + 1000, 'it does not answer', signal)
  } catch (error) {
    // A connection that comes too late would keep Belay from exiting.
    connecting.then((late) => late.close()).catch(() => {}) // there is no connection to close
    throw error
  }
  let refused: Error | null = null
  void (async () => {
    // errors about published messages, such as missing permissions, arrive only here
    for await (const status of connection.status()) if (status.type === 'error') refused = status.error
  })()
  return {
    most: connection.info?.max_payload ?? 1_048_576,
    send(subject, id, bytes) {
      const head = headers()
      head.set('Nats-Msg-Id', id)
      connection.publish(subject, bytes, { headers: head })
    },
    async confirm() {
      await within(connection.flush(), CONFIRM_MS, 'it does not confirm what it was sent', signal)
      if (refused !== null) throw refused
    },
    close: () => connection.close(),
  }
}

/** TLS options as file paths; null: as the server wants it. Anything else makes encryption mandatory. */
function tlsOf(url: string, env: Environment): Readonly<Record<string, string>> | null {
  const [caFile, certFile, keyFile] = ['CA', 'CERT', 'KEY'].map((name) => env[`BELAY_NATS_${name}`])
  const files = {
    ...(caFile ? { caFile } : {}),
    ...(certFile ? { certFile } : {}),
    ...(keyFile ? { keyFile } : {}),
  }
  return url.startsWith('tls://') || Object.keys(files).length > 0 ? files : null
}

/** The result of `work`. Throws when it takes longer than `ms`, or when `signal` aborts. */
async function within<T>(work: Promise<T>, ms: number, said: string, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  let gone: (() => void) | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(said)), ms)
    gone = () => reject(new Error('given up'))
    signal.addEventListener('abort', gone, { once: true })
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
    if (gone) signal.removeEventListener('abort', gone)
  }
}
