import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Attempt } from './attempt.ts'
import type { Machine } from './machine.ts'

/** A service of the user (a key agent, a daemon) that gives the token to anybody who connects. */
async function serve(m: Machine, path: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {}) // who connects may go at once
    socket.end(m.token)
  })
  server.listen(path)
  await once(server, 'listening')
  m.after(() => {
    server.close()
    if (!path.startsWith('\0')) rmSync(path, { force: true })
  })
}

const connectTo = (address: string): string =>
  `perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) && connect(S, pack_sockaddr_un(${address})) && print <S>'`

/** Sockets that are reached without a network. */
export const SOCKETS: readonly Attempt[] = [
  {
    name: 'socket-in-home',
    tries: "connect to a service's socket in a folder of the user's (a key agent)",
    prepare: (m) => serve(m, join(m.home, 'agent.sock')),
    script: (m) => connectTo(`"${m.home}/agent.sock"`),
  },
  {
    name: 'socket-in-tmp',
    tries: 'connect to a socket in /tmp (a terminal multiplexer, a display)',
    prepare: (m) => serve(m, `/tmp/belay-escape-${m.id}.sock`),
    script: (m) => connectTo(`"/tmp/belay-escape-${m.id}.sock"`),
  },
  {
    name: 'socket-in-run',
    tries: 'connect to a socket in /run (docker, D-Bus)',
    root: true,
    prepare: (m) => serve(m, `/run/belay-escape-${m.id}.sock`),
    script: (m) => connectTo(`"/run/belay-escape-${m.id}.sock"`),
  },
  {
    name: 'socket-in-repository',
    tries: "connect to a socket in the repository's git folder, which can be read",
    prepare: (m) => serve(m, join(m.checkout, '.git', 's.sock')),
    script: (m) => connectTo(`"${m.checkout}/.git/s.sock"`),
  },
  {
    name: 'abstract-socket',
    tries: 'connect to a socket that has a name but no file',
    prepare: (m) => serve(m, `\0belay-escape-${m.id}`),
    script: (m) => connectTo(`"\\0belay-escape-${m.id}"`),
  },
  {
    name: 'socket-pair-datagram',
    tries: 'send to a datagram socket (a log) from one of a pair, which needs no new socket',
    prepare: async (m) => {
      const script =
        'socket(S, AF_UNIX, SOCK_DGRAM, 0); bind(S, pack_sockaddr_un($ARGV[0])) or die; $| = 1; print "up"; recv(S, $b, 99, 0); open F, ">", $ARGV[1]; print F $b; close F; sleep 99'
      await m.start([
        'perl',
        '-MSocket',
        '-e',
        script,
        join(m.checkout, '.git', 'log.sock'),
        join(m.outside, 'received'),
      ])
    },
    script: (m) =>
      `perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_DGRAM, 0); send(A, "x", 0, pack_sockaddr_un("${m.checkout}/.git/log.sock")); sleep 1'`,
    escaped: (m) => m.has('outside/received'),
  },
  {
    name: 'system-v-memory',
    tries: 'read a shared memory segment of another process',
    prepare: async (m) => {
      const script =
        '$i = shmget($ARGV[0], 100, 0600 | 01000); shmwrite($i, $ARGV[1], 0, 100); $| = 1; print "up"; sleep 99'
      const key = Number.parseInt(m.id.slice(0, 6), 16)
      await m.start(['perl', '-e', script, String(key), m.token])
    },
    script: (m) =>
      `perl -e '$i = shmget(${Number.parseInt(m.id.slice(0, 6), 16)}, 100, 0); shmread($i, $b, 0, 100); print $b; shmctl($i, 0, 0)'`,
  },
]
