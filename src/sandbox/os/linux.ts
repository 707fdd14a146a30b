import { spawn } from 'node:child_process'
import { closeSync, openSync, statSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { spawnKept, type KeptProcess, type ProcessSpec } from '../../process/index.ts'
import { closedAfter } from '../closing.ts'
import type { Refusal, Sandbox, SandboxPolicy } from '../port.ts'
import { Repositories } from '../repositories/repositories.ts'
import { failed, lacking, unavailable, unenforceable } from '../refusal.ts'
import { bwrapArgv, enterArgv, findTools, makeTools, type Tools } from './bwrap.ts'
import { limitedGroup, type Cgroup } from './cgroup.ts'
import { hostEnvironment, outside, restored } from './environment.ts'
import { isSeen, mountsOf } from './mounts.ts'
import { programFolders } from './programs.ts'
import { hostsProxy, relayArgv, type HostsProxy } from './proxy.ts'

let works: Promise<Refusal | null> | null = null

/** Why a sandbox cannot be created here, or null. Determined once, by creating one. */
export function probeLinux(): Promise<Refusal | null> {
  works ??= tryOne()
  return works
}

async function tryOne(): Promise<Refusal | null> {
  const found = findTools()
  if ('refusal' in found) return found.refusal
  const [program = '', ...args] = bwrapArgv(found, true)
  const root = ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--', '/bin/sh', '-c', 'exit 0']
  const { code, said } = await tried(program, [...args, ...root], found.program)
  if (code === 0) return null
  const last = said.trim().split('\n').at(-1) ?? ''
  return unavailable(
    `bubblewrap cannot make a sandbox here${last === '' ? '' : ` (${last})`}`,
    'the kernel must allow user namespaces (Ubuntu: an AppArmor profile for bwrap), or use --sandbox docker',
  )
}

/** Runs bwrap with a filter at descriptor 9. `said` is its stderr, or why it did not start. */
async function tried(
  program: string,
  args: readonly string[],
  filter: Buffer,
): Promise<{ readonly code: number | null; readonly said: string }> {
  const unused = Array.from({ length: 6 }, () => 'ignore' as const)
  const child = spawn(program, args, {
    env: {},
    timeout: 20_000,
    stdio: ['ignore', 'ignore', 'pipe', ...unused, 'pipe'],
  })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const nine = (child.stdio as readonly unknown[])[9] as Writable | null | undefined
  nine?.on('error', () => {}) // it ended without reading, which its status tells
  nine?.end(filter)
  // `once` would reject if the program does not start.
  const code = await new Promise<number | null>((resolve) => {
    child.on('close', resolve)
    child.on('error', (error) => {
      said += error.message
      resolve(null)
    })
  })
  return { code, said }
}

/**
 * Opens a bubblewrap sandbox. Its mounts are computed anew for each program; control groups and proxy live as long as the
 * sandbox.
 */
export async function openLinux(policy: SandboxPolicy): Promise<{ sandbox: Sandbox } | { refusal: Refusal }> {
  const lacks = lacking('os', policy, {
    network: ['none', 'full', 'hosts'],
    resources: ['cpus', 'memoryBytes', 'pids'],
    denyRead: true,
    image: false,
    runtime: false,
  })
  const missing = lacks ?? (await probeLinux())
  if (missing) return { refusal: missing }
  if (!statSync(policy.workspace, { throwIfNoEntry: false })?.isDirectory()) {
    return { refusal: failed(`the workspace ${policy.workspace} is not a folder`) }
  }
  const made = makeTools()
  if ('refusal' in made) return made
  const { tools } = made
  const limited = limitedGroup(policy.resources)
  if ('why' in limited) {
    tools.remove()
    return {
      refusal: unenforceable(
        `limits on cores, memory or processes need control groups, and ${limited.why}`,
        'use --sandbox docker for limits',
      ),
    }
  }
  const opened = { proxy: null as HostsProxy | null, done: false }
  try {
    if (policy.network.mode === 'hosts') {
      const way = await hostsProxy(policy.network.hosts, tools.folder)
      if ('refusal' in way) return way
      opened.proxy = way.proxy
    }
    const sandbox = linuxSandbox(policy, tools, limited.group, opened.proxy, await Repositories.of(policy))
    opened.done = true
    return { sandbox }
  } finally {
    if (!opened.done) {
      await opened.proxy?.close()
      limited.group.remove()
      tools.remove()
    }
  }
}

function linuxSandbox(
  policy: SandboxPolicy,
  tools: Tools,
  group: Cgroup,
  proxy: HostsProxy | null,
  repositories: Repositories,
): Sandbox {
  const running = new Set<KeptProcess>()
  let closed = false
  let reached: readonly string[] = []
  const seen = (path: string): string | null => (isSeen(path, policy, hostEnvironment()) ? path : null)
  const start = (spec: ProcessSpec, mounts: readonly string[]): KeptProcess => {
    const argv = [
      ...enterArgv(group.joins),
      ...(proxy === null ? [] : relayArgv(tools, proxy)),
      ...bwrapArgv(tools, policy.network.mode === 'none'),
      ...mounts,
      ...inside(spec, policy, proxy).flatMap(([name, value]) => ['--setenv', name, value]),
      '--chdir',
      spec.cwd,
      '--',
      ...spec.argv,
    ]
    const filter = openSync(tools.filter, 'r')
    try {
      return spawnKept({ ...spec, argv, env: outside(spec.env) }, filter)
    } finally {
      closeSync(filter)
    }
  }
  return {
    backend: 'os',
    confined: true,
    policy,
    toInside: seen,
    toHost: seen,
    removed: () => repositories.removed,
    violations: () => [...reached, ...(proxy?.refused() ?? [])],
    async spawn(spec) {
      if (closed) throw new Error('the sandbox was closed')
      if (seen(spec.cwd) === null) throw new Error(`${spec.cwd} is not to be seen in the sandbox`)
      const guards = repositories.guards()
      const release = repositories.hold(guards)
      let kept: KeptProcess
      try {
        kept = start(spec, mountsOf(policy, hostEnvironment(), guards, programFolders(spec)))
      } catch (error) {
        release()
        throw error
      }
      running.add(kept)
      return closedAfter(kept, async () => {
        running.delete(kept)
        await repositories.settle(guards, release)
      })
    },
    async close() {
      if (closed) return
      closed = true
      try {
        await Promise.all([...running].map((kept) => kept.end()))
        await repositories.settle([], () => {}, true)
      } finally {
        await proxy?.close()
        reached = group.reached()
        await untilGone(() => group.remove())
        tools.remove()
      }
    },
  }
}

/** Repeats, because killed processes leave their group a moment later. */
async function untilGone(remove: () => void): Promise<void> {
  for (let round = 0; ; round++) {
    try {
      remove()
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || round > 200) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** Variables that are set inside. The rest of the environment is inherited, so that it appears in no argument list. */
function inside({ env }: ProcessSpec, policy: SandboxPolicy, proxy: HostsProxy | null): [string, string][] {
  const temp: [string, string][] = policy.access === 'full' || env['TMPDIR'] === undefined ? [] : [['TMPDIR', '/tmp']]
  return [...restored(env), ...temp, ...Object.entries(proxy?.env ?? {})]
}
