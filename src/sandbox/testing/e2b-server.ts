import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { constants, homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'

/** One request to the service's own API, as received. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly key: string | undefined
  readonly body: unknown
}

export interface FakeE2b {
  readonly url: string
  readonly asked: readonly Asked[]
  /** Number of running sandboxes. */
  readonly living: () => number
  /** Called when an archive has arrived, before it is answered. */
  onUpload: () => void
  close(): Promise<void>
}

interface Machine {
  readonly root: string
  readonly processes: Map<number, ChildProcess>
}

/**
 * E2B's API and the daemon of its machines, on loopback, as far as the SDK uses them. A machine is bubblewrap over this one,
 * with its own /home and /tmp, and without the user's files.
 */
export async function startFakeE2b(): Promise<FakeE2b> {
  const machines = new Map<string, Machine>()
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ code: 500, message: String(error) }))
    })
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://e2b')
    const method = request.method ?? ''
    const body = await buffer(request)
    const json = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (pathname.startsWith('/v2/sandboxes') || pathname.startsWith('/sandboxes')) {
      const sent = body.length > 0 ? (JSON.parse(body.toString()) as unknown) : null
      asked.push({ method, path: pathname, key: request.headers['x-api-key'] as string | undefined, body: sent })
      if (request.headers['x-api-key'] !== 'e2b_right') return json(401, { code: 401, message: 'the key is not right' })
      if (method === 'POST' && pathname === '/v2/sandboxes') return json(201, makeMachine())
      const id = pathname.split('/')[2] ?? ''
      if (!machines.has(id)) return json(404, { code: 404, message: 'no such sandbox' })
      if (method === 'DELETE') endMachine(id)
      response.writeHead(204).end()
      return
    }
    const machine = machines.get(String(request.headers['e2b-sandbox-id']))
    if (machine === undefined) return json(404, { code: 'not_found', message: 'no such sandbox' })
    if (pathname === '/health') {
      response.writeHead(204).end()
      return
    }
    if (pathname === '/files') {
      const path = join(machine.root, searchParams.get('path') ?? '')
      if (method === 'GET') return void response.writeHead(200).end(readFileSync(path))
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, body)
      fake.onUpload()
      return json(200, [{ name: 'file', path: searchParams.get('path'), type: 'file' }])
    }
    if (pathname === '/process.Process/Start') return start(machine, body.subarray(5), response)
    const { process: at, input } = JSON.parse(body.toString()) as {
      process: { pid: number }
      input?: { stdin: string }
    }
    const child = machine.processes.get(at.pid)
    if (child === undefined) return json(404, { code: 'not_found', message: 'no such process' })
    if (pathname.endsWith('/SendInput')) child.stdin?.write(Buffer.from(input?.stdin ?? '', 'base64'))
    else if (pathname.endsWith('/CloseStdin')) child.stdin?.end()
    else if (pathname.endsWith('/SendSignal')) child.kill('SIGKILL')
    json(200, {})
  }

  function makeMachine(): Record<string, unknown> {
    const id = `i${randomBytes(8).toString('hex')}`
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'belay-fake-e2b-')))
    for (const folder of ['home/user', 'tmp']) mkdirSync(join(root, folder), { recursive: true })
    machines.set(id, { root, processes: new Map() })
    return { sandboxID: id, templateID: 'base', clientID: 'c', envdVersion: '0.5.7', envdAccessToken: 'token' }
  }

  function endMachine(id: string): void {
    const machine = machines.get(id)
    for (const child of machine?.processes.values() ?? []) child.kill('SIGKILL')
    machines.delete(id)
    if (machine) rmSync(machine.root, { recursive: true, force: true })
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const fake: FakeE2b = {
    onUpload: () => {},
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    living: () => machines.size,
    async close() {
      for (const id of machines.keys()) endMachine(id)
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return fake
}

interface StartRequest {
  readonly process: {
    readonly cmd: string
    readonly args: readonly string[]
    readonly envs?: Readonly<Record<string, string>>
    readonly cwd?: string
  }
  readonly stdin?: boolean
}

/** Starts a program in a machine, and streams its output as Connect frames. */
function start({ root, processes }: Machine, body: Buffer, response: ServerResponse): void {
  const { process: asked, stdin } = JSON.parse(body.toString()) as StartRequest
  const cwd = asked.cwd ?? '/home/user'
  const places = [
    '--bind',
    join(root, 'home'),
    '/home',
    '--bind',
    join(root, 'tmp'),
    '/tmp',
    '--unshare-net',
    '--tmpfs',
    homedir(),
  ]
  const child = spawn(
    'bwrap',
    [
      '--die-with-parent',
      '--unshare-pid',
      '--dev-bind',
      '/',
      '/',
      '--proc',
      '/proc',
      ...places,
      '--chdir',
      cwd,
      asked.cmd,
      ...asked.args,
    ],
    {
      env: { PATH: process.env['PATH'] ?? '', HOME: '/home/user', ...asked.envs },
      stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    },
  )
  const pid = child.pid ?? 0
  processes.set(pid, child)
  child.stdin?.on('error', () => {}) // the program does not read
  response.writeHead(200, { 'content-type': 'application/connect+json' })
  const frame = (value: unknown, flags = 0): void => {
    const text = Buffer.from(JSON.stringify(value))
    const head = Buffer.alloc(5)
    head.writeUInt8(flags, 0)
    head.writeUInt32BE(text.length, 1)
    response.write(Buffer.concat([head, text]))
  }
  frame({ event: { start: { pid } } })
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk: Buffer) => frame({ event: { data: { [name]: chunk.toString('base64') } } }))
  }
  child.on('close', (code, signal) => {
    processes.delete(pid)
    const exitCode = signal === null ? (code ?? 0) : 128 + constants.signals[signal]
    frame({ event: { end: { exitCode, exited: signal === null, status: `exit status ${exitCode}` } } })
    frame({}, 2)
    response.end()
  })
}
