import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GIT } from './manifest.ts'
import { merge, type Merge } from './merge.ts'

const run = promisify(execFile)

/** A folder as a tar archive, without `.git` and the paths in `skip`. */
export async function pack(folder: string, skip: readonly string[]): Promise<Buffer> {
  const inFolder = skip
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => `./${path.slice(folder.length + 1)}`)
  const exclude = [GIT, ...inFolder].map((name) => `--exclude=${name}`)
  const { stdout } = await run('tar', ['-C', folder, '--no-wildcards', ...exclude, '-cf', '-', '.'], {
    encoding: 'buffer',
    maxBuffer: 4 * 1024 ** 3,
  })
  return stdout
}

/**
 * Merges an archive from a sandbox into a folder. The archive is untrusted: it is unpacked in a separate folder, from which
 * `merge` takes files.
 */
export async function unpackInto(to: Omit<Merge, 'from'>, archive: Uint8Array): Promise<void> {
  const temp = mkdtempSync(join(tmpdir(), 'belay-e2b-'))
  try {
    const file = join(temp, 'archive.tar')
    writeFileSync(file, archive, { mode: 0o600 })
    const from = join(temp, 'files')
    mkdirSync(from)
    await run('tar', ['-C', from, '--no-same-owner', '-xf', file])
    merge({ ...to, from })
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}
