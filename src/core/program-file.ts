import { existsSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Absolute path of a module of Belay that runs as a process or worker of its own, by its path below src/ without the ending
 * (`demo/agent`): the source in a checkout, the built file in the package. rolldown.config.ts lists them.
 */
export function programFile(name: string): string {
  const here = fileURLToPath(import.meta.url)
  const isSource = extname(here) === '.ts'
  let root = dirname(here)
  while (!existsSync(join(root, 'package.json'))) root = dirname(root)
  return isSource ? join(root, 'src', `${name}.ts`) : join(root, 'dist', `${name}.cjs`)
}
