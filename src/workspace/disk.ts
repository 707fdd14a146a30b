import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { gitFailed, tryGit } from '../git/run.ts'

export interface Size {
  readonly bytes: number
  readonly files: number
}

export interface FreeSpace {
  readonly bytes: number
  /** Files that can still be created; null if the file system has no such limit. */
  readonly files: number | null
}

/** The least that a file takes on common file systems, in bytes. */
const BLOCK = 4096

/** Space that must stay free in addition to checkouts: for Belay's record, logs, and what setup and gates write. */
const RESERVE_BYTES = 512 << 20

/** Size of a checkout of `commit`, rounded up to blocks; without submodules, and before filters. */
export async function checkoutSize(root: string, commit: string): Promise<Size> {
  const args = ['ls-tree', '-r', '-l', '-z', '--full-tree', commit]
  const result = await tryGit(args, { cwd: root })
  if (result.code !== 0) throw gitFailed(args, result)
  let bytes = 0
  let files = 0
  for (const entry of result.stdout.toString('utf8').split('\0')) {
    const size = Number(/^\S+ \S+ \S+ +(\d+)\t/.exec(entry)?.[1])
    if (!Number.isFinite(size)) continue
    bytes += Math.max(1, Math.ceil(size / BLOCK)) * BLOCK
    files += 1
  }
  return { bytes, files }
}

/** Free space for this user where `folder` is or will be. */
export async function freeSpace(folder: string): Promise<FreeSpace> {
  for (let path = folder; ; path = dirname(path)) {
    try {
      const found = await statfs(path)
      return { bytes: found.bavail * found.bsize, files: found.files === 0 ? null : found.ffree }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === dirname(path)) throw error
    }
  }
}

export interface DiskRequest {
  readonly root: string
  readonly commit: string
  /** Folder for the workspaces; it need not exist. */
  readonly folder: string
  /** How many checkouts may be made. */
  readonly checkouts: number
  /** Replaces the query to the file system (tests). */
  readonly free?: (folder: string) => Promise<FreeSpace>
}

/** Throws `disk_full` if the checkouts that a run may need would not fit, before any of them is made. */
export async function checkDisk(request: DiskRequest): Promise<void> {
  const [one, free] = await Promise.all([
    checkoutSize(request.root, request.commit),
    (request.free ?? freeSpace)(request.folder),
  ])
  const bytes = one.bytes * request.checkouts + RESERVE_BYTES
  const files = one.files * request.checkouts
  if (free.bytes >= bytes && (free.files === null || free.files >= files)) return
  const few = free.bytes >= bytes
  throw new BelayError(
    'disk_full',
    `there is too little room in ${request.folder} for ${request.checkouts} checkouts`,
    {
      expected: few ? `${files} free inodes` : `${inMegabytes(bytes)} free`,
      received: few ? `${free.files} free inodes` : `${inMegabytes(free.bytes)} free`,
      next: 'free some disk space (belay clean removes workspaces of ended runs), or set workspace.root to another disk',
    },
  )
}

function inMegabytes(bytes: number): string {
  return `${Math.ceil(bytes / (1 << 20))} MB`
}
