import { execFile } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { crypto } from '../../core/crypto.ts'

const run = promisify(execFile)

/** Never copied in either direction, because its content makes git run programs. */
const GIT = '.git'

/** A hash over a folder's names, sizes and times: equal as long as nothing has changed. `skip`: paths that are left out. */
export function fingerprint(folder: string, skip: ReadonlySet<string>): string {
  const hash = crypto().createHash('sha256')
  const walk = (at: string): void => {
    for (const name of readdirSync(at).sort()) {
      const path = join(at, name)
      if (name === GIT || skip.has(path)) continue
      const { mode, size, mtimeMs, ctimeMs, ino } = lstatSync(path)
      hash.update(`${path}\0${mode}\0${size}\0${mtimeMs}\0${ctimeMs}\0${ino}\0`)
      if ((mode & 0o170000) === 0o040000) walk(path)
    }
  }
  walk(folder)
  return hash.digest('hex')
}

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
 * Makes the content of `folder` equal to an archive from a sandbox. The archive is untrusted: it is unpacked in a separate
 * folder, and moving files into place follows no link and sets no owner. `.git` and `skip` stay as they are.
 */
export async function unpackInto(folder: string, archive: Uint8Array, skip: ReadonlySet<string>): Promise<void> {
  const temp = mkdtempSync(join(tmpdir(), 'belay-e2b-'))
  try {
    const file = join(temp, 'archive.tar')
    writeFileSync(file, archive, { mode: 0o600 })
    const from = join(temp, 'files')
    mkdirSync(from)
    await run('tar', ['-C', from, '--no-same-owner', '-xf', file])
    mirror(from, folder, skip)
  } finally {
    rmSync(temp, { recursive: true, force: true })
  }
}

function mirror(from: string, to: string, skip: ReadonlySet<string>): void {
  const wanted = new Set(readdirSync(from))
  for (const name of readdirSync(to)) {
    if (name === GIT || skip.has(join(to, name)) || wanted.has(name)) continue
    rmSync(join(to, name), { recursive: true, force: true })
  }
  for (const name of wanted) {
    const [source, target] = [join(from, name), join(to, name)]
    if (name === GIT || skip.has(target)) continue
    const is = lstatSync(source)
    const was = lstatSync(target, { throwIfNoEntry: false })
    if (is.isDirectory()) {
      if (was !== undefined && !was.isDirectory()) rmSync(target)
      if (!was?.isDirectory()) mkdirSync(target)
      mirror(source, target, skip)
    } else if (!isSame(source, is, target, was)) {
      if (was?.isDirectory()) rmSync(target, { recursive: true })
      put(source, is, target)
    }
  }
}

function isSame(source: string, is: Stats, target: string, was: Stats | undefined): boolean {
  if (was === undefined) return false
  if (is.isSymbolicLink()) return was.isSymbolicLink() && readlinkSync(source) === readlinkSync(target)
  if (!is.isFile() || !was.isFile() || is.size !== was.size || (is.mode & 0o111) !== (was.mode & 0o111)) return false
  return readFileSync(source).equals(readFileSync(target))
}

/** Copies a file or link; ignores anything else (a device, a pipe). */
function put(source: string, is: Stats, target: string): void {
  const made = `${target}.belay-${process.pid}`
  if (is.isSymbolicLink()) symlinkSync(readlinkSync(source), made)
  else if (is.isFile()) {
    copyFileSync(source, made)
    chmodSync(made, (is.mode & 0o111) === 0 ? 0o644 : 0o755)
  } else return
  renameSync(made, target)
}
