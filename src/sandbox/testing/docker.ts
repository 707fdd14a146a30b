import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { resolveProgram } from '../../process/index.ts'
import { PATH } from './harness.ts'

/** The image of the tests: this machine's own shell, tools, git and perl with their libraries. */
export const TEST_IMAGE = 'belay-test:1'

const PROGRAMS = [
  'bash',
  'git',
  'perl',
  'curl',
  'nc',
  'setsid',
  'ln',
  'mv',
  'cp',
  'mkfifo',
  'stat',
  'busybox',
  'unshare',
  'mount',
]

/**
 * A docker daemon with the test image, its socket in DOCKER_HOST: one for the whole test run, without network of its own. Returns
 * why there is none, or null.
 */
export async function startTestDocker(): Promise<string | null> {
  const folder = process.env['BELAY_TEST_DOCKERD']
  if (folder === undefined) return 'not in a test run with test/support/dockerd.ts'
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return 'a docker daemon is started by root on Linux'
  for (const program of ['dockerd', 'docker', 'busybox', 'perl', 'git']) {
    if (resolveProgram(program, '/', PATH) === null) return `${program} is not installed`
  }
  process.env['DOCKER_HOST'] = `unix://${folder}/sock`
  const ready = join(folder, 'ready')
  if (claim(join(folder, 'claim'))) {
    try {
      startDaemon(folder)
      await until(() => docker('version') !== null, folder)
      importImage()
      writeFileSync(ready, 'ready')
    } catch (error) {
      writeFileSync(ready, String(error))
    }
  }
  await until(() => existsSync(ready) && readFileSync(ready, 'utf8') !== '', folder)
  const said = readFileSync(ready, 'utf8')
  return said === 'ready' ? null : said
}

function claim(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch {
    return false // another test file has it
  }
}

function startDaemon(folder: string): void {
  const log = openSync(join(folder, 'log'), 'a')
  const args = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--storage-driver', 'overlay2']
  const places = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '-p', join(folder, 'pid')]
  spawn('dockerd', [...args, ...places, '-H', `unix://${folder}/sock`], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH },
  }).unref()
}

async function until(done: () => boolean, folder: string): Promise<void> {
  const end = Date.now() + 60_000
  while (!done()) {
    if (Date.now() > end) throw new Error(`no docker daemon: ${readFileSync(join(folder, 'log'), 'utf8').slice(-2000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function docker(...args: string[]): string | null {
  try {
    return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return null
  }
}

function importImage(): void {
  const root = mkdtempSync(join(tmpdir(), 'belay-image-'))
  try {
    for (const folder of ['bin', 'etc', 'tmp', 'proc', 'dev', 'sys', 'root', 'run', 'var/tmp', 'usr/bin', 'usr/lib']) {
      mkdirSync(join(root, folder), { recursive: true })
    }
    const busybox = join(root, 'bin', 'busybox')
    cpSync(realpathSync('/usr/bin/busybox'), busybox)
    libraries(busybox, root)
    for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
      if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet))
    }
    for (const program of PROGRAMS) {
      const path = resolveProgram(program, '/', PATH)
      if (path === null || program === 'busybox') continue
      const copy = join(root, 'usr', 'bin', program)
      cpSync(realpathSync(path), copy)
      libraries(copy, root)
    }
    for (const folder of ['/usr/lib/git-core', ...perlFolders()]) copyFolder(folder, root)
    for (const folder of ['tmp', 'var/tmp']) chmodSync(join(root, folder), 0o1777)
    writeFileSync(join(root, 'etc', 'passwd'), 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n')
    writeFileSync(join(root, 'etc', 'group'), 'root:x:0:\nnogroup:x:65534:\n')
    execFileSync('/bin/sh', ['-c', `tar -c -C "$1" . | docker import - ${TEST_IMAGE}`, 'sh', root], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

function perlFolders(): string[] {
  const folders = execFileSync('perl', ['-e', 'print join "\\n", @INC'], { encoding: 'utf8', env: { PATH } })
  return folders.split('\n').filter((folder) => folder.endsWith('perl-base') && existsSync(folder))
}

function copyFolder(folder: string, root: string): void {
  if (!existsSync(folder)) return
  mkdirSync(dirname(join(root, folder)), { recursive: true })
  cpSync(folder, join(root, folder), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => basename(path) !== 'scalar',
  })
}

function libraries(program: string, root: string): void {
  let listed: string
  try {
    listed = execFileSync('ldd', [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return // it is static
  }
  for (const [, path] of listed.matchAll(/(\/\S+) \(0x/g)) {
    const copy = join(root, path as string)
    if (existsSync(copy)) continue
    mkdirSync(dirname(copy), { recursive: true })
    cpSync(realpathSync(path as string), copy)
  }
}
