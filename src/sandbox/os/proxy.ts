import { once } from 'node:events'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { printable } from '../../core/text.ts'
import { resolveProgram } from '../../process/index.ts'
import type { Refusal } from '../port.ts'
import { failed, unavailable } from '../refusal.ts'
import type { Tools } from './bwrap.ts'
import { SYSTEM_PATH } from './environment.ts'

/** An HTTP proxy (also for CONNECT) that lets through to the hosts of a list; the only way out of a sandbox without network. */
export interface HostsProxy {
  readonly socket: string
  readonly socat: string
  readonly env: Readonly<Record<string, string>>
  /** Hosts that were asked for and are not on the list, a sentence each. */
  refused(): readonly string[]
  close(): Promise<void>
}

/** More says no more. */
const MOST_REFUSED = 20

/** Where the proxy is found inside. The sandbox has a loopback of its own: the number collides with nobody's. */
const PORT = 3128

/**
 * Starts the proxy for these hosts (exact names, `*.suffix`, with `:port` where only one is meant); its socket is in `folder`.
 */
export async function hostsProxy(
  hosts: readonly string[],
  folder: string,
): Promise<{ proxy: HostsProxy } | { refusal: Refusal }> {
  const socat = resolveProgram('socat', '/', SYSTEM_PATH)
  if (socat === null) {
    return { refusal: unavailable('socat is not installed', 'install socat, e.g. apt-get install socat') }
  }
  const filter = await hostsFilter(hosts)
  if ('refusal' in filter) return filter
  const socket = join(folder, 'proxy.sock')
  const { server, refused } = filter
  const connections = new Set<{ destroy(): void }>()
  server.on('connection', (connection) => {
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
  })
  server.listen(socket)
  await once(server, 'listening')
  server.unref()
  const url = `http://127.0.0.1:${PORT}`
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']
  const env = Object.fromEntries(
    names.flatMap((name) => [
      [name, url],
      [name.toLowerCase(), url],
    ]),
  )
  return {
    proxy: {
      socket,
      socat,
      env: { ...env, NO_PROXY: 'localhost,127.0.0.1,::1', no_proxy: 'localhost,127.0.0.1,::1' },
      refused: () =>
        [...refused].map(
          (host) =>
            `the network of the sandbox has no ${host}: it is not in "hosts" of the sandbox (or --network HOST,HOST)`,
        ),
      async close() {
        for (const connection of connections) connection.destroy()
        server.close()
        await once(server, 'close')
      },
    },
  }
}

async function hostsFilter(
  hosts: readonly string[],
): Promise<{ server: Server; refused: ReadonlySet<string> } | { refusal: Refusal }> {
  const [{ createHttpProxyServer }, patterns, { createResolvedAddressGuard }, { canonicalizeHost }] = await Promise.all(
    [
      import('@anthropic-ai/sandbox-runtime/dist/sandbox/http-proxy.js'),
      import('@anthropic-ai/sandbox-runtime/dist/sandbox/domain-pattern.js'),
      import('@anthropic-ai/sandbox-runtime/dist/sandbox/resolved-address-guard.js'),
      import('@anthropic-ai/sandbox-runtime/dist/sandbox/parent-proxy.js'),
    ],
  )
  const wrong = hosts.find((host) => !patterns.isValidAllowedDomainEntry(host))
  if (wrong !== undefined) {
    return {
      refusal: failed(`${JSON.stringify(wrong)} is no host name`, 'hosts are names, or *.name for all below one'),
    }
  }
  const guard = createResolvedAddressGuard({ allowedDomains: hosts })
  const refused = new Set<string>()
  const server = createHttpProxyServer({
    filter: (port, host) => {
      const name = canonicalizeHost(host) ?? host
      const allowed = hosts.some((pattern) => patterns.matchesDomainPatternWithPort(name, port, pattern))
      if (!allowed && refused.size < MOST_REFUSED) refused.add(printable(`${name}:${port}`).slice(0, 260))
      return allowed
    },
    lookupFor: (port) => guard.lookupFor(port),
  })
  return { server, refused }
}

/**
 * What stands before the words that start a sandbox whose way out is the proxy: a network of its own, in which a relay listens.
 * The relay is outside of the sandbox proper, as what is inside can have no Unix sockets.
 */
export function relayArgv({ bwrap }: Tools, { socat, socket }: HostsProxy): readonly string[] {
  const script = [
    '"$1" TCP4-LISTEN:"$2",bind=127.0.0.1,fork,reuseaddr,backlog=4096 UNIX-CONNECT:"$3" </dev/null >/dev/null 2>&1 9<&- &',
    'relay=$!',
    'shift 3',
    'listens() { while read -r kind _ inuse _; do [ "$kind" = TCP: ] && [ "$inuse" -gt 0 ] && return 0; done; return 1; }',
    'until listens </proc/net/sockstat; do kill -0 "$relay" || exit 126; done',
    'exec "$@"',
  ]
  return [
    bwrap,
    '--die-with-parent',
    '--unshare-user',
    '--unshare-net',
    '--cap-drop',
    'ALL',
    // The sandbox makes a user namespace of its own, in which the kernel lets uid 0 be mapped only by who has this.
    ...(process.geteuid?.() === 0 ? ['--cap-add', 'CAP_SETFCAP'] : []),
    '--bind',
    '/',
    '/',
    '--dev-bind',
    '/dev',
    '/dev',
    '--',
    '/bin/sh',
    '-c',
    script.join('\n'),
    'belay-relay',
    socat,
    String(PORT),
    socket,
  ]
}
