import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { homeGuards, outsideGitDirs, type GitGuards } from '../repositories/guards.ts'
import { ownFolders } from '../own.ts'
import type { SandboxPolicy } from '../port.ts'
import { PathResolver, isWithin } from '../paths.ts'
import { secretPaths } from '../secrets.ts'
import { stillCanonical } from '../canonical.ts'

/** What a path is inside. If two kinds apply to one path, the later one in this list counts. */
const KINDS = ['hidden', 'private', 'readable', 'writable', 'guarded', 'denied'] as const
type Kind = (typeof KINDS)[number]

/** Folders that each program gets empty and private, because others keep things there (sockets, for example). */
const PRIVATE = ['/tmp', '/var/tmp', '/run']

/**
 * Parts of /proc that belong to the kernel, not to a process. If root runs Belay, programs inside could write to these, even
 * without capabilities.
 */
const OF_THE_KERNEL = [
  'sys',
  'fs',
  'bus',
  'irq',
  'acpi',
  'scsi',
  'driver',
  'asound',
  'mtrr',
  'sysrq-trigger',
  'dynamic_debug',
]

function kernelSettings(): string[] {
  const there = OF_THE_KERNEL.map((name) => `/proc/${name}`).filter((path) => existsSync(path))
  return there.flatMap((path) => ['--ro-bind', path, path])
}

/** Paths in `/run` that are needed: name resolution, and the programs of NixOS. */
const OF_RUN = ['/run/systemd/resolve', '/run/resolvconf', '/run/NetworkManager/resolv.conf', '/run/current-system']

/**
 * The file system of a sandbox as arguments for bwrap: everything read-only, the workspace and `write` as the policy says,
 * secrets hidden, and those folders of `programs` visible that are in private places. Deeper paths come later, so that they
 * take precedence. Computed anew for each program, because the paths may have changed.
 */
export function mountsOf(
  policy: SandboxPolicy,
  env: Readonly<Record<string, string | undefined>>,
  guards: readonly GitGuards[],
  programs: readonly string[],
): readonly string[] {
  const full = policy.access === 'full'
  const paths = new PathResolver()
  const kinds = new Map<string, Kind>()
  const put = (path: string, kind: Kind): void => {
    const place = paths.real(path)
    if (!paths.exists(place)) return
    const before = kinds.get(place)
    if (before === undefined || KINDS.indexOf(before) < KINDS.indexOf(kind)) kinds.set(place, kind)
  }
  const home = env['HOME'] ?? homedir()
  const writable = [
    ...(policy.access === 'read-only' ? [] : [paths.real(policy.workspace)]),
    ...stillCanonical(policy.write),
  ]
  if (full) {
    const record = secretPaths(env, paths)[0]
    if (record !== undefined) put(record, 'hidden')
    put(policy.workspace, 'writable')
    for (const path of stillCanonical(policy.write)) put(path, 'writable')
  } else {
    for (const path of secretPaths(env, paths)) put(path, 'hidden')
    for (const path of PRIVATE) put(path, 'private')
    // Inside a writable folder they are visible anyway, and must stay writable.
    for (const path of programs.map((folder) => paths.real(folder))) {
      if (
        PRIVATE.some((folder) => path !== folder && isWithin(path, folder)) &&
        !writable.some((folder) => isWithin(path, folder))
      ) {
        put(path, 'readable')
      }
    }
    for (const path of [...OF_RUN, policy.workspace, ...outsideGitDirs(policy.workspace)]) put(path, 'readable')
    for (const path of writable) put(path, 'writable')
    for (const { pinned, readOnly, absent } of guards) {
      for (const path of pinned) put(path, 'writable')
      for (const path of [...readOnly, ...absent]) put(path, 'guarded')
    }
    for (const path of writable.flatMap((folder) => homeGuards(folder, home))) put(path, 'guarded')
  }
  const own = full ? [] : ownFolders(policy)
  for (const { path, shown } of own) {
    put(path, 'private')
    for (const entry of shown) put(entry, 'readable')
  }
  for (const path of stillCanonical(policy.read)) put(path, 'readable')
  for (const path of policy.denyRead) put(path, 'denied')

  const argv = [full ? '--bind' : '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', ...kernelSettings()]
  const sealed: string[] = []
  const ordered = [...kinds].sort(([a], [b]) => depth(a) - depth(b))
  for (const [path, kind] of ordered) {
    if (kind === 'private') {
      argv.push('--perms', '1777', '--tmpfs', path)
      for (const link of own.find((one) => one.path === path)?.links ?? []) argv.push('--symlink', link.to, link.path)
    } else if (kind === 'readable' || kind === 'guarded') argv.push('--ro-bind', path, path)
    else if (kind === 'writable') argv.push('--bind', path, path)
    else if (!statSync(path).isDirectory()) argv.push('--ro-bind', '/dev/null', path)
    else {
      argv.push('--tmpfs', path)
      sealed.push(path)
    }
  }
  for (const path of sealed) argv.push('--remount-ro', path)
  return argv
}

/** Whether a path shows the same file inside as on the host. */
export function isSeen(
  path: string,
  policy: SandboxPolicy,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const paths = new PathResolver()
  const place = paths.real(path)
  const shown = [
    policy.workspace,
    ...policy.write,
    ...policy.read,
    ...policy.own,
    ...outsideGitDirs(policy.workspace),
  ].map((folder) => paths.real(folder))
  const secrets = policy.access === 'full' ? [] : [...secretPaths(env, paths), ...PRIVATE]
  const unseen = [...secrets, ...policy.denyRead].map((folder) => paths.real(folder))
  const nearest = (list: readonly string[]): number =>
    Math.max(-1, ...list.filter((folder) => isWithin(place, folder)).map((folder) => folder.length))
  return nearest(shown) >= nearest(unseen) || nearest(unseen) === -1
}

function depth(path: string): number {
  return path === '/' ? 0 : path.split('/').length
}
