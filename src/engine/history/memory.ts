import type { History } from '../port.ts'

/** A history that lives as long as the process. Entries go through JSON as they do in a stored one. */
export function memoryHistory(entries: readonly unknown[] = []): History & { readonly entries: readonly unknown[] } {
  const kept: unknown[] = structuredClone([...entries])
  return {
    entries: kept,
    load: () => Promise.resolve([...kept]),
    append(entry) {
      kept.push(JSON.parse(JSON.stringify(entry)))
      return Promise.resolve()
    },
  }
}
