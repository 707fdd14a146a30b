import { readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Completer } from './console.ts'

/** Most entries of a folder that are looked at. */
const MAX = 1000

/** Completes commands at the beginning of a line, and paths anywhere else. */
export function completer(commands: readonly string[], cwd: () => string): Completer {
  return (line) => {
    if (/^\/\w*$/.test(line)) return [commands.filter((name) => name.startsWith(line)).map((name) => `${name} `), line]
    const word = /\S*$/.exec(line)?.[0] ?? ''
    if (word === '') return [[], word]
    const at = word.startsWith('@') ? '@' : ''
    const path = word.slice(at.length)
    return [paths(cwd(), path).map((found) => at + found), word]
  }
}

function paths(cwd: string, word: string): string[] {
  const folder = word.endsWith('/') ? word : dirname(word) === '.' && !word.startsWith('./') ? '' : `${dirname(word)}/`
  const stem = word.slice(folder.length)
  try {
    return readdirSync(resolve(cwd, folder), { withFileTypes: true })
      .slice(0, MAX)
      .filter(({ name }) => name.startsWith(stem) && (stem !== '' || !name.startsWith('.')))
      .map((entry) => `${join(folder, entry.name)}${entry.isDirectory() ? '/' : ''}`)
      .toSorted()
  } catch {
    return [] // no such folder: nothing to complete
  }
}
