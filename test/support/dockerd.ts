import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Gives the whole test run one place for a docker daemon of its own (which the first test that needs it starts), and ends the
 * daemon.
 */
export default function dockerd(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-dockerd-'))
  process.env.BELAY_TEST_DOCKERD = folder
  return async () => {
    const pidFile = join(folder, 'pid')
    if (existsSync(pidFile)) {
      process.kill(Number(readFileSync(pidFile, 'utf8')))
      for (let round = 0; existsSync(pidFile) && round < 200; round++) {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    rmSync(folder, { recursive: true, force: true })
  }
}
