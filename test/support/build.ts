import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Builds `dist/` once for the whole test run: whole-program tests drive the built CLI, as users do. */
export default function build(): void {
  if (process.env.BELAY_NO_BUILD) return
  const root = fileURLToPath(new URL('../..', import.meta.url))
  rmSync(`${root}/dist`, { recursive: true, force: true })
  execFileSync(`${root}/node_modules/.bin/tsc`, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
}
