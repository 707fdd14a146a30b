import { BelayError } from '../../core/errors.ts'

/** A repository's address without secrets, and what git needs to reach it; never written to disk. */
export interface Remote {
  /** Without user and password. */
  readonly url: string
  /** Arguments to put before git's subcommand. */
  readonly args: readonly string[]
  /** Only for this git process and its children. */
  readonly env: Readonly<Record<string, string>>
}

/** Excludes `ext::` and the like, which run programs. */
const PROTOCOLS = 'file:git:http:https:ssh'

/** Answers git from its environment, and stores nothing. */
const HELPER =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$BELAY_GIT_USERNAME" "$BELAY_GIT_PASSWORD"; }; f'

/**
 * Takes user and password out of an address. git gets them through its environment, for that host only. The user's own
 * credential helpers, which could write them to disk, are disabled. Throws `repository_url`.
 */
export function remoteOf(address: string): Remote {
  const env = { GIT_ALLOW_PROTOCOL: PROTOCOLS }
  if (address.startsWith('-') || /^\w+::/.test(address) || /[\0\n]/.test(address) || address === '')
    throw refused(address)
  if (!/^\w+:\/\//.test(address)) return { url: address, args: [], env }
  const url = parse(address)
  if (!PROTOCOLS.split(':').includes(url.protocol.slice(0, -1))) throw refused(url.protocol)
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:'
  if (!isWeb || (url.username === '' && url.password === '')) {
    if (url.password !== '') throw refused('a password in an address that is not http or https')
    return { url: address, args: [], env }
  }
  const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  url.username = ''
  url.password = ''
  const helper = `credential.${url.protocol}//${url.host}.helper=${HELPER}`
  return {
    url: url.href,
    args: ['-c', 'credential.helper=', '-c', helper],
    env: { ...env, BELAY_GIT_USERNAME: username, BELAY_GIT_PASSWORD: password },
  }
}

function parse(address: string): URL {
  try {
    return new URL(address)
  } catch {
    throw refused('an address that is no URL') // it may contain a password
  }
}

function refused(received: string): BelayError {
  return new BelayError('repository_url', 'that is not the address of a repository to clone', {
    expected: 'an address by https, http, ssh, git or file, or a path',
    received,
  })
}
