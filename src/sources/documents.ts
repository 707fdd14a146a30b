/** The documents of a feature: required ones, and others in its folder. */
import { BelayError } from '../core/errors.ts'
import type { SourceFiles } from './port.ts'

/** Reads `names` in `dir`. Throws `source_incomplete`, which names every file that is missing or empty. */
export async function readRequired(
  files: SourceFiles,
  kind: string,
  dir: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  for (const name of names) {
    const text = await files.read(`${dir}/${name}`)
    if (text !== null && text.trim() !== '') texts.set(name, text)
  }
  const missing = names.filter((name) => !texts.has(name))
  if (missing.length === 0) return texts
  throw new BelayError(
    'source_incomplete',
    `${dir} is not a complete ${kind} feature: ${missing.join(', ')} missing or empty`,
    {
      expected: `${names.join(', ')} in ${dir}`,
      received: texts.size > 0 ? [...texts.keys()].join(', ') : 'none of them',
      next: `write and commit ${missing.map((name) => `${dir}/${name}`).join(', ')}`,
    },
  )
}

/** Every file below `folder` whose name ends in `ending`, as sorted paths relative to the repository root. */
export async function filesBelow(files: SourceFiles, folder: string, ending: string): Promise<string[]> {
  const found: string[] = []
  for (const name of await files.list(folder)) {
    const path = `${folder}/${name}`
    if (name.endsWith('/')) found.push(...(await filesBelow(files, path.slice(0, -1), ending)))
    else if (name.endsWith(ending)) found.push(path)
  }
  return found
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Throws `source_empty` for an empty task list. `hidden`: lines that look like tasks but are in code or comments. */
export function refuseEmpty(path: string, count: number, hidden: readonly number[], example: string): void {
  if (count > 0) return
  const lines = hidden.slice(0, 5).join(', ')
  throw new BelayError('source_empty', `${path} holds no task`, {
    expected: `at least one line such as ${example}`,
    received: hidden.length > 0 ? `boxes only inside code or comments (line ${lines})` : 'no such line',
    next: `write the tasks into ${path} and commit it`,
  })
}
