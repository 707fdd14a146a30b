import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, connect, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Attempt } from './attempt.ts'
import type { Machine } from './machine.ts'

const ports = new WeakMap<Machine, number>()
const port = (m: Machine): number => ports.get(m) ?? 0

async function serve(m: Machine, host: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {}) // who connects may go at once
    socket.end(m.token)
  })
  server.listen(0, host)
  await once(server, 'listening')
  ports.set(m, (server.address() as AddressInfo).port)
  m.after(() => server.close())
}

/** Receives datagrams, and records that one arrived. */
async function listen(m: Machine): Promise<void> {
  const socket = createSocket('udp4')
  socket.on('message', () => void m.file('outside/received', 'x'))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  ports.set(m, socket.address().port)
  m.after(() => socket.close())
}

const ask4 = (host: string, m: Machine): string =>
  `perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0); connect(S, pack_sockaddr_in(${port(m)}, inet_aton("${host}"))) && print <S>'`

const ask6 = (address: string, m: Machine): string =>
  `perl -MSocket=:all -e 'socket(S, AF_INET6, SOCK_STREAM, 0); connect(S, pack_sockaddr_in6(${port(m)}, inet_pton(AF_INET6, "${address}"))) && print <S>'`

/** This machine's address for others, if it has one. */
const address = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

const received = (m: Machine): Promise<boolean> => m.later(() => m.has('outside/received'))

async function reaches(host: string, to: number, patienceMs: number): Promise<boolean> {
  const socket = connect(to, host)
  const won = await Promise.race([
    once(socket, 'connect').then(
      () => true,
      () => false,
    ),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), patienceMs)),
  ])
  socket.destroy()
  return won
}

/** An address of this machine's loopback for the time of an attempt: what a cloud gives its machines' logins at. */
async function serveAt(m: Machine, place: string): Promise<void> {
  const ip = (what: string): unknown =>
    execFileSync(
      'ip',
      ['address', what, place, 'dev', 'lo', ...(what === 'add' && place.includes(':') ? ['nodad'] : [])],
      { stdio: 'ignore' },
    )
  try {
    ip('add')
    m.after(() => void ip('del'))
  } catch {
    // it is this machine's already
  }
  await serve(m, place.replace(/\/\d+$/, ''))
}

/** Connects to what an attempt opened. */
async function visit(m: Machine): Promise<boolean> {
  const opened = (): string => m.read('state/workspaces/w/port')
  return (await m.later(() => opened() !== '')) && reaches('127.0.0.1', Number(opened()), m.patienceMs)
}

/** The network, where a policy allows none. */
export const NETWORK: readonly Attempt[] = [
  {
    name: 'loopback',
    tries: "connect to a service on this machine's loopback",
    prepare: (m) => serve(m, '127.0.0.1'),
    script: (m) => ask4('127.0.0.1', m),
  },
  {
    name: 'loopback-ipv6',
    tries: 'the same by IPv6',
    prepare: (m) => serve(m, '::1'),
    script: (m) => ask6('::1', m),
  },
  {
    name: 'any-address',
    tries: 'the same by the address 0.0.0.0',
    prepare: (m) => serve(m, '127.0.0.1'),
    script: (m) => ask4('0.0.0.0', m),
  },
  {
    name: 'own-address',
    tries: "connect to this machine's address in its network",
    prepare: (m) => serve(m, '0.0.0.0'),
    // A machine without a network has one on its loopback.
    script: (m) => ask4(address ?? '127.0.0.2', m),
  },
  {
    name: 'cloud-metadata',
    tries: "ask for the machine's own login at the address 169.254.169.254 of a cloud",
    root: true,
    prepare: (m) => serveAt(m, '169.254.169.254/32'),
    script: (m) => ask4('169.254.169.254', m),
  },
  {
    name: 'cloud-metadata-ipv6',
    tries: 'the same at fd00:ec2::254',
    root: true,
    prepare: (m) => serveAt(m, 'fd00:ec2::254/128'),
    script: (m) => ask6('fd00:ec2::254', m),
  },
  {
    name: 'network-address',
    tries: 'give the machine another address',
    root: true,
    script: () => 'busybox ip address add 127.45.6.7/32 dev lo',
    escaped: () => {
      const made = Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === '127.45.6.7'))
      if (made) execFileSync('ip', ['address', 'del', '127.45.6.7/32', 'dev', 'lo'])
      return made
    },
  },
  {
    name: 'host-name',
    tries: 'connect by a name',
    prepare: (m) => serve(m, '127.0.0.1'),
    script: (m) => `curl -s --http0.9 -m 3 http://localhost:${port(m)}/`,
  },
  {
    name: 'dns-query',
    tries: 'carry data out in the name of a DNS query, by UDP',
    prepare: listen,
    script: (m) =>
      `perl -MSocket -e '$q = pack("n6", 1, 256, 1, 0, 0, 0) . "\\x06secret\\x07example\\x00" . pack("n2", 1, 1); socket(S, AF_INET, SOCK_DGRAM, 0); send(S, $q, 0, pack_sockaddr_in(${port(m)}, inet_aton("127.0.0.1")))'`,
    escaped: received,
  },
  {
    name: 'listen',
    tries: 'open a port that others can connect to',
    during: visit,
    script: (m) =>
      `perl -MSocket -e '$SIG{ALRM} = sub { exit }; alarm ${m.patienceMs / 1000}; socket(S, AF_INET, SOCK_STREAM, 0); bind(S, pack_sockaddr_in(0, INADDR_ANY)); listen(S, 5); ($p) = unpack_sockaddr_in(getsockname(S)); open F, ">", "${m.workspace}/port"; print F $p; close F; accept(C, S)'`,
  },
  {
    name: 'raw-socket',
    tries: 'make a raw socket, to forge packets',
    root: true,
    script: () => `perl -MSocket -e 'print "made" if socket(S, AF_INET, SOCK_RAW, 1)'`,
    escaped: (_, out) => out.includes('made'),
  },
  {
    name: 'packet-socket',
    tries: 'make a packet socket, to listen to everything',
    root: true,
    script: () => `perl -MSocket -e 'print "made" if socket(S, 17, SOCK_RAW, 768)'`,
    escaped: (_, out) => out.includes('made'),
  },
]
