import { lstatSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

interface Found {
  readonly place: string
  readonly there: boolean
}

const ROOT: Found = { place: '/', there: true }

/**
 * Like `real`, for many paths that share folders: each component is read only once. What was read can become outdated, so
 * create one resolver per task and do not keep it.
 */
export class PathResolver {
  readonly #found = new Map<string, Found>([['/', ROOT]])

  /** The real path. For a missing path: the real path of its nearest existing folder, with the rest appended. */
  real(path: string): string {
    return this.#at(resolve(path)).place
  }

  /** Whether the path exists; links are followed. */
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
    return { place, there: false } // a broken link, or not ours to read
  }
}

/** The real path. For a missing path: the real path of its nearest existing folder, with the rest appended. */
export function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(real(parent), path.slice(parent === '/' ? 1 : parent.length + 1))
  }
}

/** Whether `path` is `folder` or below it; the paths are compared as text. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)
}
