import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  rmdirSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { entryOf, GIT, whatIs, type Manifest } from './manifest.ts'

export interface Merge {
  /** The sandbox's files, unpacked on this machine. */
  readonly from: string
  /** The host's folder. */
  readonly to: string
  /** Absolute host paths that stay as they are, like every `.git`. */
  readonly skip: ReadonlySet<string>
  /** What both sides had in common. Brought up to date: afterwards, what they have in common now. */
  readonly base: Manifest
  /** Gets one sentence, for people, for each change in the sandbox that was not made here. */
  readonly tell: (message: string) => void
}

/**
 * Makes the changes of a sandbox since `base` in the host's folder. What has changed there in the meantime stays: the sandbox's
 * is then put beside it, or not deleted. Follows no link and sets no owner. May be repeated.
 */
export function merge(all: Merge): void {
  mergeFolder(all, '')
  for (const path of all.base.keys()) if (!isThere(join(all.from, path))) all.base.delete(path)
}

function mergeFolder(all: Merge, at: string): void {
  const [from, to] = [join(all.from, at), join(all.to, at)]
  for (const name of namesIn(to)) {
    const path = join(at, name)
    if (!isSkipped(all, path) && !isThere(join(from, name))) discard(all, path)
  }
  for (const name of namesIn(from)) {
    const path = join(at, name)
    const what = isSkipped(all, path) ? null : whatIs(join(from, name))
    if (what === 'folder') takeFolder(all, path)
    else if (what !== null) takeFile(all, path, what)
  }
}

/** Deletes what the sandbox has deleted, as far as it is still as it was there. */
function discard(all: Merge, path: string): void {
  const target = join(all.to, path)
  const [what, was] = [whatIs(target), all.base.get(path)?.what]
  all.base.delete(path)
  if (what === null) return
  if (what === 'folder') {
    for (const name of namesIn(target)) if (!isSkipped(all, join(path, name))) discard(all, join(path, name))
    if (was === 'folder' && namesIn(target).length === 0) rmdirSync(target)
  } else if (what === was) rmSync(target)
  else if (was !== undefined) all.tell(`${target} was deleted in the sandbox, but changed here meanwhile: it was kept`)
}

function takeFolder(all: Merge, path: string): void {
  const target = join(all.to, path)
  const [what, was] = [whatIs(target), all.base.get(path)?.what]
  if (what !== 'folder') {
    if (!isThere(target)) {
      // One that was deleted here comes back only for what has changed in it there.
      if (was !== 'folder') mkdirSync(target, { recursive: true })
    } else if (what !== null && what === was) {
      rmSync(target)
      mkdirSync(target)
    } else return isChanged(all, path) ? putBeside(all, path) : undefined
  }
  all.base.set(path, { what: 'folder', stamp: 'folder' })
  mergeFolder(all, path)
}

function takeFile(all: Merge, path: string, what: string): void {
  const target = join(all.to, path)
  const was = all.base.get(path)?.what
  if (what === was) return
  let here = whatIs(target)
  if (here === 'folder') {
    discard(all, path)
    here = whatIs(target)
  }
  if (isThere(target) && here !== what && (here === null || here === 'folder' || here !== was))
    return putBeside(all, path)
  if (here !== what) put(join(all.from, path), target)
  const entry = entryOf(target, what)
  if (entry) all.base.set(path, entry)
}

/** Whether the sandbox has changed a folder, other than by deleting. */
function isChanged(all: Merge, path: string): boolean {
  const source = join(all.from, path)
  const what = isSkipped(all, path) ? null : whatIs(source)
  if (what === null) return false
  if (what !== all.base.get(path)?.what) return true
  return what === 'folder' && namesIn(source).some((name) => isChanged(all, join(path, name)))
}

/** Copies what the sandbox has beside what is here. */
function putBeside(all: Merge, path: string): void {
  const [source, target] = [join(all.from, path), join(all.to, path)]
  for (let n = 1; ; n++) {
    const beside = `${target}.from-sandbox${n === 1 ? '' : `-${n}`}`
    if (!isThere(beside)) copy(source, beside)
    else if (!isCopy(source, beside)) continue
    return all.tell(`${target} was changed here and in the sandbox: yours was kept, the sandbox's is ${beside}`)
  }
}

function copy(source: string, target: string): void {
  if (whatIs(source) !== 'folder') return put(source, target)
  mkdirSync(target)
  for (const name of namesIn(source)) if (name !== GIT) copy(join(source, name), join(target, name))
}

function isCopy(source: string, target: string): boolean {
  const what = whatIs(source)
  if (what !== 'folder') return what === null || what === whatIs(target)
  const names = namesIn(source).filter((name) => name !== GIT)
  return whatIs(target) === what && names.every((name) => isCopy(join(source, name), join(target, name)))
}

/** Copies a file or link, also over one; ignores anything else (a device, a pipe). */
function put(source: string, target: string): void {
  const is = lstatSync(source)
  const made = `${target}.belay-${process.pid}`
  mkdirSync(dirname(target), { recursive: true })
  if (is.isSymbolicLink()) symlinkSync(readlinkSync(source), made)
  else if (is.isFile()) {
    copyFileSync(source, made)
    chmodSync(made, (is.mode & 0o100) === 0 ? 0o644 : 0o755)
  } else return
  renameSync(made, target)
}

function isSkipped({ to, skip }: Merge, path: string): boolean {
  return path === GIT || path.endsWith(`/${GIT}`) || skip.has(join(to, path))
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function namesIn(folder: string): string[] {
  return lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : []
}
