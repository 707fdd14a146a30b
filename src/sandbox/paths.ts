import { lstatSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

interface Found {
  readonly place: string
  readonly there: boolean
}

const ROOT: Found = { place: '/', there: true }

/**
 * As `real`, for many paths that share their folders: each component is read once. What it has read may be out of date at once:
 * make one for a question, and do not keep it.
 */
export class PathResolver {
  readonly #found = new Map<string, Found>([['/', ROOT]])

  /** The real path, or of what is not there the real path of its nearest folder with the rest. */
  real(path: string): string {
    return this.#at(resolve(path)).place
  }

  /** Whether something is there, links followed. */
  exists(path: string): boolean {
    return this.#at(resolve(path)).there
  }

  #at(path: string): Found {
    const known = this.#found.get(path)
    if (known !== undefined) return known
    const cut = path.lastIndexOf('/')
    const found = below(this.#at(cut === 0 ? '/' : path.slice(0, cut)), path.slice(cut + 1))
    this.#found.set(path, found)
    return found
  }
}

function below(folder: Found, name: string): Found {
  const place = folder.place === '/' ? `/${name}` : `${folder.place}/${name}`
  if (!folder.there) return { place, there: false }
  try {
    const found = lstatSync(place, { throwIfNoEntry: false })
    if (found === undefined) return { place, there: false }
    return { place: found.isSymbolicLink() ? realpathSync(place) : place, there: true }
  } catch {
    return { place, there: false } // a link to nowhere, or not ours to look at
  }
}

/** The real path, or of what is not there yet the real path of its nearest folder with the rest. */
export function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(real(parent), path.slice(parent === '/' ? 1 : parent.length + 1))
  }
}

/** Whether `path` is `folder` or below it; both as they are. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}
