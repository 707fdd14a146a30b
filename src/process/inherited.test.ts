import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const linux = it.skipIf(process.platform !== 'linux')

linux('a program that is started does not get the files that Belay was started with', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'belay-inherited-'))
  try {
    writeFileSync(join(folder, 'secret'), 'of the user\n')
    const program = `
      const { spawnKept } = await import(${JSON.stringify(new URL('./spawn.ts', import.meta.url).href)})
      const kept = spawnKept({ argv: ['/bin/sh', '-c', 'cat /proc/self/fd/30; cat /proc/self/fd/47; echo read'],
        cwd: '/', env: { PATH: process.env.PATH }, stdin: 'none', mark: 'test/inherited/1' })
      kept.stdout.pipe(process.stdout)
      await kept.closed
    `
    const shell = 'exec 30<"$1" 47<"$1"; shift; exec "$@"'
    const argv = ['-c', shell, 'sh', join(folder, 'secret'), process.execPath, '--input-type=module', '-e', program]
    const { stdout } = await promisify(execFile)('bash', argv)
    expect(stdout).toBe('read\n')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
