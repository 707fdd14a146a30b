import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Builds `dist/` once for the whole test run: whole-program tests drive the built CLI, as users do. */
export default function build(): void {
  if (process.env.BELAY_NO_BUILD) return
  const root = fileURLToPath(new URL('../..', import.meta.url))
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' })
}
