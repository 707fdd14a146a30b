import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { resolveProgram } from '../../process/index.ts'
import { PATH } from './harness.ts'

/** The image for tests: this machine's own shell, tools, git and perl with their libraries. */
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

/** Imports the image with `command`, a shell command that reads the files as a tar archive from stdin. */
export function importTestImage(command: string, env: NodeJS.ProcessEnv = process.env): void {
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
    execFileSync('/bin/sh', ['-c', `tar -c -C "$1" . | ${command}`, 'sh', root], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
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
