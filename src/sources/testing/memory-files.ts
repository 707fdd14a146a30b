import type { SourceFiles } from '../port.ts'

/** Files in memory, given as path and text, for tests. */
export function memoryFiles(files: Readonly<Record<string, string>>): SourceFiles {
  const texts = new Map(Object.entries(files))
  return {
    read: (path) => Promise.resolve(texts.get(path) ?? null),
    list(folder) {
      const prefix = folder === '' ? '' : `${folder}/`
      const names = [...texts.keys()]
        .filter((path) => path.startsWith(prefix))
        .map((path) => path.slice(prefix.length).replace(/\/.*$/, '/'))
      return Promise.resolve([...new Set(names)].toSorted())
    },
  }
}
