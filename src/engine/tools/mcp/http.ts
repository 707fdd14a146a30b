import { BelayError } from '../../../core/errors.ts'
import type { Network } from '../../../sandbox/port.ts'

/** The most bytes in a server's answer to one request. */
const ANSWER_MAX = 32 << 20

/** Whether programs in a sandbox with this network could reach the address. */
export function isReachable(url: string, network: Network): boolean {
  if (network.mode !== 'hosts') return network.mode === 'full'
  const { hostname, port, protocol } = new URL(url)
  const asked = port !== '' ? port : protocol === 'https:' ? '443' : '80'
  return network.hosts.some((host) => {
    const [, name = '', only = asked] = /^(.*?)(?::(\d+))?$/.exec(host.toLowerCase()) ?? []
    return only === asked && (name.startsWith('*.') ? hostname.endsWith(name.slice(1)) : hostname === name)
  })
}

/** `fetch` with a limit on the size of an answer, and without redirects. */
export async function cappedFetch(url: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, redirect: 'error' })
  if (response.body === null) return response
  let size = 0
  const cap = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.length
      if (size > ANSWER_MAX)
        controller.error(new BelayError('mcp_message', `an answer of more than ${ANSWER_MAX} bytes`))
      else controller.enqueue(chunk)
    },
  })
  const { status, statusText, headers } = response
  return new Response(response.body.pipeThrough(cap), { status, statusText, headers })
}
