import { existsSync, statSync } from 'node:fs'
import { messageOf } from '../../core/errors.ts'
import type { Refusal, Sandbox, SandboxBackend, SandboxPolicy } from '../port.ts'
import { failed, lacking, unavailable, unenforceable } from '../refusal.ts'
import { isWithin, real } from '../paths.ts'
import { secretPaths } from '../secrets.ts'
import { Sync, type Shared } from './machine.ts'
import { runKept } from './process.ts'

/** The sandbox ends by itself after this time, in ms; it is renewed as long as Belay is alive. */
const LIFE_MS = 60_000
const RENEW_MS = 20_000

/**
 * A machine of e2b's. Files are copied there before a program (if none is running) and back after each one. It ends with Belay,
 * or a minute after Belay was killed. Needs E2B_API_KEY; E2B_DOMAIN (or E2B_API_URL and E2B_SANDBOX_URL) selects a private
 * installation.
 */
export const e2bBackend: SandboxBackend = {
  name: 'e2b',
  probe: () => Promise.resolve(noKey()),
  async open(policy, signal) {
    const lacks = lacking('e2b', policy, {
      network: ['none', 'full'],
      resources: [],
      denyRead: true,
      image: true,
      runtime: false,
    })
    const refusal = lacks ?? noKey()
    if (refusal) return { refusal }
    if (!statSync(policy.workspace, { throwIfNoEntry: false })?.isDirectory()) {
      return { refusal: failed(`the workspace ${policy.workspace} is not a folder`) }
    }
    const files = [...policy.read, ...policy.write].filter((path) => !policy.own.some((own) => isWithin(path, own)))
    const file = files.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
    if (file !== undefined) return { refusal: unenforceable(`only folders are carried to e2b, and ${file} is a file`) }
    const { Sandbox: Remote } = await import('e2b')
    const options = { timeoutMs: LIFE_MS, allowInternetAccess: policy.network.mode === 'full', signal }
    try {
      const remote = await (policy.image === null ? Remote.create(options) : Remote.create(policy.image, options))
      return { sandbox: e2bSandbox(policy, remote) }
    } catch (error) {
      return { refusal: failed(`e2b made no sandbox: ${messageOf(error)}`) }
    }
  },
}

function noKey(): Refusal | null {
  if (process.env['E2B_API_KEY']) return null
  return unavailable('E2B_API_KEY is not set', 'set E2B_API_KEY')
}

/** The folders that are copied, the workspace first. */
function sharedOf(policy: SandboxPolicy): Shared[] {
  const folders = (paths: readonly string[]): string[] => paths.filter((path) => existsSync(path)).map(real)
  const more = new Map(folders([...policy.own, ...policy.read]).map((host) => [host, false]))
  for (const host of folders(policy.write)) more.set(host, true)
  return [
    { host: real(policy.workspace), inside: '/home/user/workspace', writable: policy.access !== 'read-only' },
    ...[...more].map(([host, writable], index) => ({ host, inside: `/home/user/shared/${index}`, writable })),
  ]
}

function e2bSandbox(policy: SandboxPolicy, remote: InstanceType<(typeof import('e2b'))['Sandbox']>): Sandbox {
  const shared = sharedOf(policy)
  const hidden = [...policy.denyRead, ...secretPaths()].map(real)
  const sync = new Sync(remote, shared, hidden)
  const running = new Set<{ end(): Promise<unknown> }>()
  let closed = false
  const renewing = setInterval(() => {
    void remote.setTimeout(LIFE_MS).catch(() => {}) // tried again soon; programs there notice when it is gone
  }, RENEW_MS)
  renewing.unref()
  const toInside = (path: string): string | null => {
    const place = real(path)
    const root = shared.findLast(({ host }) => isWithin(place, host))
    const gone = hidden.some((one) => isWithin(place, one) && root !== undefined && isWithin(one, root.host))
    return root === undefined || gone ? null : root.inside + place.slice(root.host.length)
  }
  return {
    backend: 'e2b',
    confined: true,
    policy,
    toInside,
    toHost(path) {
      const root = shared.find(({ inside }) => isWithin(path, inside))
      return root === undefined ? null : root.host + path.slice(root.inside.length)
    },
    async spawn(spec) {
      if (closed) throw new Error('the sandbox was closed')
      const cwd = toInside(spec.cwd)
      if (cwd === null) throw new Error(`${spec.cwd} is not to be seen in the sandbox`)
      // A program that already runs there has the files, and its changes must not be overwritten.
      if (running.size === 0) await sync.push()
      const [program = '', ...args] = spec.argv
      const argv = [program.startsWith('/') ? (toInside(program) ?? program) : program, ...args]
      const kept = await runKept(remote, { ...spec, cwd, argv }, async () => {
        running.delete(kept)
        if (!closed) await sync.pull()
      })
      running.add(kept)
      return kept
    },
    conflicts: () => sync.conflicts(),
    async close() {
      if (closed) return
      closed = true
      clearInterval(renewing)
      await Promise.all([...running].map((kept) => kept.end()))
      await remote.kill()
    },
  }
}
