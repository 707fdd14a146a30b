import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnKept, type KeptProcess, type ProcessSpec } from '../../process/index.ts'
import { closedAfter } from '../closing.ts'
import { homeGuards, outsideGitDirs, type GitGuards } from '../repositories/guards.ts'
import type { Refusal, Sandbox, SandboxPolicy } from '../port.ts'
import { Repositories } from '../repositories/repositories.ts'
import { failed, lacking, unavailable } from '../refusal.ts'
import { real } from '../paths.ts'
import { secretPaths } from '../secrets.ts'
import { stillCanonical } from '../canonical.ts'
import { outside, restored } from './environment.ts'

const SANDBOX_EXEC = '/usr/bin/sandbox-exec'

/** Why Seatbelt cannot be used, or null. */
export function probeMacOS(): Promise<Refusal | null> {
  return Promise.resolve(existsSync(SANDBOX_EXEC) ? null : unavailable(`${SANDBOX_EXEC} is not there`))
}

/**
 * Opens a Seatbelt sandbox. It cannot limit resources, and has no network or all of it: a proxy would have to be reached over
 * the loopback, which everything else on the machine uses too.
 */
export async function openMacOS(policy: SandboxPolicy): Promise<{ sandbox: Sandbox } | { refusal: Refusal }> {
  const refusal =
    lacking('os', policy, {
      network: ['none', 'full'],
      resources: [],
      denyRead: true,
      image: false,
      runtime: false,
    }) ?? (await probeMacOS())
  if (refusal) return { refusal }
  if (!statSync(policy.workspace, { throwIfNoEntry: false })?.isDirectory()) {
    return { refusal: failed(`the workspace ${policy.workspace} is not a folder`) }
  }
  const { wrapCommandWithSandboxMacOS } =
    await import('@anthropic-ai/sandbox-runtime/dist/sandbox/macos-sandbox-utils.js')
  // Temporary files go here, because the machine's own temporary folder is shared.
  const temp = real(mkdtempSync(join(tmpdir(), 'belay-sandbox-')))
  const repositories = await Repositories.of(policy)
  const running = new Set<KeptProcess>()
  let closed = false
  const sandbox: Sandbox = {
    backend: 'os',
    confined: true,
    policy,
    toInside: (path) => path,
    toHost: (path) => path,
    removed: () => repositories.removed,
    async spawn(spec) {
      if (closed) throw new Error('the sandbox was closed')
      const guards = repositories.guards()
      const line = seatbelt(spec, policy, temp, guards, wrapCommandWithSandboxMacOS)
      const kept = spawnKept({ ...spec, argv: ['/bin/sh', '-c', line], env: outside(spec.env) })
      running.add(kept)
      return closedAfter(kept, async () => {
        running.delete(kept)
        await repositories.settle(guards, () => {})
      })
    },
    async close() {
      closed = true
      await Promise.all([...running].map((kept) => kept.end()))
      await repositories.settle([], () => {}, true)
      rmSync(temp, { recursive: true, force: true })
    },
  }
  return { sandbox }
}

type Wrap =
  (typeof import('@anthropic-ai/sandbox-runtime/dist/sandbox/macos-sandbox-utils.js'))['wrapCommandWithSandboxMacOS']

/** The command line that runs a program under Seatbelt. Exported for the test of its profile, which cannot run on Linux. */
export function seatbelt(
  spec: ProcessSpec,
  policy: SandboxPolicy,
  temp: string,
  guards: readonly GitGuards[],
  wrap: Wrap,
): string {
  const { readConfig, writeConfig } = rulesOf(policy, temp, guards)
  return wrap({
    // sandbox-runtime sets its own variables after ours, so TMPDIR is set in the command itself.
    command: `TMPDIR=${quoted(temp)}; export TMPDIR; exec ${spec.argv.map(quoted).join(' ')}`,
    needsNetworkRestriction: policy.network.mode === 'none',
    readConfig,
    writeConfig,
    allowGitConfig: false,
    setEnvVars: Object.fromEntries(restored(spec.env)),
    binShell: '/bin/sh',
  })
}

function rulesOf(policy: SandboxPolicy, temp: string, guards: readonly GitGuards[]) {
  const full = policy.access === 'full'
  const writable = [...(policy.access === 'read-only' ? [] : [real(policy.workspace)]), ...stillCanonical(policy.write)]
  const secrets = full ? secretPaths().slice(0, 1) : secretPaths()
  const hidden = [...secrets, ...policy.denyRead].map(real)
  const shown = [
    policy.workspace,
    ...stillCanonical([...policy.read, ...policy.own, ...policy.write]),
    ...outsideGitDirs(policy.workspace),
  ].map(real)
  const kept = guards.flatMap(({ readOnly, absent, forbidden }) => [...readOnly, ...absent, ...forbidden])
  return {
    readConfig: { denyOnly: [], literalDenyOnly: hidden, allowWithinDeny: [], literalAllowWithinDeny: shown },
    writeConfig: full
      ? undefined
      : {
          allowOnly: [],
          literalAllowOnly: ['/dev/null', '/dev/stdout', '/dev/stderr', temp, ...writable],
          denyWithinAllow: [],
          literalDenyWithinAllow: [...kept, ...writable.flatMap((folder) => homeGuards(folder, homedir()))],
        },
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
