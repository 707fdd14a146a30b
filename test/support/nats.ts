/** A real nats-server on a free loopback port, which can be stopped and started again on that port. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type ConnectionOptions, type NatsConnection, type Msg } from '@nats-io/transport-node'

export class NatsServer {
  port = 0
  private child: ChildProcess | null = null
  private readonly args: readonly string[]

  constructor(args: readonly string[] = []) {
    this.args = args
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  /** Resolves when the server accepts connections; after `stop`, on the same port. */
  async start(): Promise<this> {
    const child = spawn(
      'nats-server',
      ['-a', '127.0.0.1', '-p', String(this.port === 0 ? -1 : this.port), ...this.args],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    this.child = child
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', () => reject(new Error(`nats-server ended: ${said}`)))
      child.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(said)?.[1]
        if (port !== undefined) this.port = Number(port)
        if (said.includes('Server is ready')) resolve()
      })
    })
    return this
  }

  /** Sends a signal to the server. After SIGSTOP it still accepts data but answers nothing. */
  signal(name: NodeJS.Signals): void {
    this.child?.kill(name)
  }

  async stop(): Promise<void> {
    const { child } = this
    this.child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
  }
}

export interface Received {
  readonly subject: string
  readonly id: string | undefined
  readonly size: number
  readonly event: {
    readonly seq: number
    readonly run_seq: number
    readonly type: string
    readonly [key: string]: unknown
  }
}

/** Everything that is published to `subject` after this resolves. */
export class Subscriber {
  readonly received: Received[] = []
  private readonly connection: NatsConnection

  private constructor(connection: NatsConnection) {
    this.connection = connection
  }

  static async to(url: string, subject = '>', options: ConnectionOptions = {}): Promise<Subscriber> {
    const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50, ...options })
    const subscriber = new Subscriber(connection)
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) subscriber.take(message)
      },
    })
    await connection.flush()
    return subscriber
  }

  private take(message: Msg): void {
    this.received.push({
      subject: message.subject,
      id: message.headers?.get('Nats-Msg-Id'),
      size: message.data.length,
      event: JSON.parse(message.string()) as Received['event'],
    })
  }

  /** Resolves when `found` accepts the received events; limited only by the test's own timeout. */
  async until(found: (received: readonly Received[]) => boolean): Promise<void> {
    while (!found(this.received)) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  /** Sends a request to the server's JetStream API. */
  async ask<T>(api: string, request: object): Promise<T> {
    const answer = (await this.connection.request(`$JS.API.${api}`, JSON.stringify(request), { timeout: 60_000 })).json<
      T & { error?: unknown }
    >()
    if (answer.error !== undefined) throw new Error(JSON.stringify(answer.error))
    return answer
  }

  /** Everything in the stream `name`, in order. */
  async stored(name: string): Promise<Received['event'][]> {
    const { state } = await this.ask<{ state: { messages: number } }>(`STREAM.INFO.${name}`, {})
    const events: Received['event'][] = []
    for (let seq = 1; seq <= state.messages; seq++) {
      const { message } = await this.ask<{ message: { data: string } }>(`STREAM.MSG.GET.${name}`, { seq })
      events.push(JSON.parse(Buffer.from(message.data, 'base64').toString()) as Received['event'])
    }
    return events
  }

  async close(): Promise<void> {
    await this.connection.close()
  }
}
