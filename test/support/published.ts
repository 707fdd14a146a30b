/** For test files about publishing: a nats-server for each test, and a subscriber to everything. */
import type { ConnectionOptions } from '@nats-io/transport-node'
import { NatsServer, Subscriber, type Received } from './nats.ts'
import type { World } from './world.ts'

let server: NatsServer | null = null
let connected: Subscriber | null = null

/** Starts the server with these arguments, and subscribes to everything. */
export async function listening(args: readonly string[] = [], options: ConnectionOptions = {}): Promise<NatsServer> {
  server = await new NatsServer(args).start()
  connected = await Subscriber.to(server.url, '>', options)
  return server
}

/** The subscriber of `listening`. */
export function subscriber(): Subscriber {
  if (connected === null) throw new Error('nobody listens')
  return connected
}

/** What has been published since `listening`. */
export function received(): readonly Received[] {
  return subscriber().received
}

/** Ends server and subscriber. Call it after each test, before the folder is removed that the server may write to. */
export async function stopListening(): Promise<void> {
  await connected?.close()
  server?.signal('SIGCONT')
  await server?.stop()
  server = connected = null
}

/** Resolves when the end of a run has been published. */
export function runFinished(): Promise<void> {
  return subscriber().until((all) => all.some(({ event }) => event.type === 'run.finished'))
}

/** An event as printed by `belay events --json`. */
export interface RecordedLine {
  readonly seq: number
  readonly type: string
  readonly project: string
  readonly run: string
  readonly task: string | null
  readonly session: string | null
  readonly actor: string
  readonly data: { readonly attempt?: number }
}

/** All events of the record. */
export async function recorded(world: World): Promise<RecordedLine[]> {
  const { stdout } = await world.belay(['events', '--json'])
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordedLine)
}
