import { once } from 'node:events'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { printable } from '../../core/text.ts'
import { resolveProgram } from '../../process/index.ts'
import type { Refusal } from '../port.ts'
import { failed, unavailable } from '../refusal.ts'
import type { Tools } from './bwrap.ts'
import { SYSTEM_PATH } from './environment.ts'

/**
 * An HTTP proxy (also for CONNECT) that allows connections to listed hosts only. It is the only way out of a sandbox without
 * network.
 */
export interface HostsProxy {
  readonly socket: string
  readonly socat: string
  readonly env: Readonly<Record<string, string>>
  /** Refused hosts, one sentence each, at most `MOST_REFUSED`. */
  refused(): readonly string[]
  close(): Promise<void>
}

/** More would not help the reader. */
const MOST_REFUSED = 20

/** The proxy's port inside. Each sandbox has its own loopback, so the number cannot collide. */
const PORT = 3128

/**
 * Starts the proxy for these hosts (exact names or `*.suffix`, with `:port` to allow only that port). Its socket is in
 * `folder`.
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
 * The arguments in front of those that start a sandbox whose only way out is the proxy. They create a network namespace in
 * which a relay listens. The relay runs outside the inner sandbox, because programs inside cannot create Unix sockets.
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
    // The inner sandbox creates its own user namespace, in which only a process with this capability may map uid 0.
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
