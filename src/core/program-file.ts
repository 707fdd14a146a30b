import { existsSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Absolute path of one of Belay's modules that run as their own process or worker: the source in a checkout, the built file in
 * the package. `name` is its path below src/ without the extension (`demo/agent`); rolldown.config.ts lists them all.
 */
export function programFile(name: string): string {
  const here = fileURLToPath(import.meta.url)
  const isSource = extname(here) === '.ts'
  let root = dirname(here)
  while (!existsSync(join(root, 'package.json'))) root = dirname(root)
  return isSource ? join(root, 'src', `${name}.ts`) : join(root, 'dist', `${name}.cjs`)
}
