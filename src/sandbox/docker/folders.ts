import { existsSync, statSync } from 'node:fs'
import type Docker from 'dockerode'
import { homeGuards, outsideGitDirs, type GitGuards } from '../repositories/guards.ts'
import { homedir } from 'node:os'
import { ownFolders } from '../own.ts'
import type { SandboxPolicy } from '../port.ts'
import { isWithin, real } from '../paths.ts'
import { secretPaths } from '../secrets.ts'

/** The host paths that a container sees. They are at the same paths inside, so nothing needs mapping. */
export interface Folders {
  readonly mounts: Docker.MountConfig
  isSeen(path: string): boolean
}

/** Folders that an image fills itself. */
const OF_THE_IMAGE = new Set([
  '/',
  '/bin',
  '/sbin',
  '/usr',
  '/lib',
  '/lib64',
  '/etc',
  '/dev',
  '/proc',
  '/sys',
  '/run',
  '/tmp',
])

/** The mounts of a policy; null if the workspace, or another shown path, is a folder that an image fills itself. */
export function foldersOf(policy: SandboxPolicy, guards: readonly GitGuards[]): Folders | null {
  const shown = new Map<string, 'ro' | 'rw'>()
  const show = (paths: readonly string[], how: 'ro' | 'rw'): void => {
    for (const path of paths) if (existsSync(path)) shown.set(real(path), how)
  }
  const writable = (policy.access === 'read-only' ? policy.write : [policy.workspace, ...policy.write]).map(real)
  const own = policy.access === 'full' ? [] : ownFolders(policy)
  for (const { shown: inside } of own) show(inside, 'ro')
  if (policy.access === 'full') show(policy.own, 'rw')
  show([...policy.read, ...outsideGitDirs(policy.workspace), policy.workspace], 'ro')
  show(writable, 'rw')
  if ([...shown.keys()].some((path) => OF_THE_IMAGE.has(path))) return null
  const tops = [...shown.keys(), ...own.map(({ path }) => path)]
  for (const { pinned, readOnly, absent } of guards) {
    show(pinned, 'rw')
    show([...readOnly, ...absent], 'ro')
  }
  if (policy.access !== 'full')
    show(
      writable.flatMap((folder) => homeGuards(folder, homedir())),
      'ro',
    )

  const isShown = (path: string): boolean => tops.some((top) => isWithin(path, top))
  const unread = [...(policy.access === 'full' ? [] : secretPaths()), ...policy.denyRead].map(real)
  const asked = new Set(policy.denyRead.map(real))
  const hidden = [...new Set(unread)].filter(
    (path) => existsSync(path) && isShown(path) && (asked.has(path) || !tops.includes(path)),
  )
  const mounts: Docker.MountConfig = [
    ...own.map(({ path }) => scratch(path)),
    ...[...shown].filter(([path]) => !hidden.includes(path)).map(([path, how]) => bind(path, path, how === 'ro')),
    ...hidden.map((path) => (statSync(path).isDirectory() ? nothing(path) : bind('/dev/null', path, true))),
  ]
  const nearest = (list: readonly string[], path: string): number =>
    Math.max(-1, ...list.filter((folder) => isWithin(path, folder)).map((folder) => folder.length))
  return {
    mounts,
    isSeen: (path) => {
      const place = real(path)
      return isShown(place) && nearest(tops, place) >= nearest(hidden, place)
    },
  }
}

function bind(source: string, target: string, readOnly: boolean): Docker.MountSettings {
  return { Type: 'bind', Source: source, Target: target, ReadOnly: readOnly, BindOptions: { Propagation: 'rprivate' } }
}

/** An empty folder that everybody inside can write. */
function scratch(path: string): Docker.MountSettings {
  return { Type: 'tmpfs', Target: path, Source: '', TmpfsOptions: { SizeBytes: 256 << 20, Mode: 0o1777 } }
}

/** An empty folder that only root could open. */
function nothing(path: string): Docker.MountSettings {
  return { Type: 'tmpfs', Target: path, Source: '', ReadOnly: true, TmpfsOptions: { SizeBytes: 4096, Mode: 0o500 } }
}
