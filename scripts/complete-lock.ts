/**
 * Adds the platform packages (`@oxlint/binding-darwin-arm64` and the like) to package-lock.json that npm left out because the
 * registry in use does not have them. Without them, `npm ci` refuses the lock file. Run it after every `npm install` that
 * changes something: `node scripts/complete-lock.ts`, with a folder as argument for another lock file than the root's
 * (`test/agent-clis`).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

interface Entry {
  readonly version: string
  readonly dev?: true
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const SYSTEMS = new Set([
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
])
const PROCESSORS = new Set(['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'])

const file = join(resolve(import.meta.dirname, '..', process.argv[2] ?? '.'), 'package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Entry> }
const added: string[] = []
for (const [path, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (lock.packages[`node_modules/${name}`] || lock.packages[`${path}/node_modules/${name}`]) continue
    const words = (name.split('/').at(-1) ?? '').split('-')
    const os = words.map((word) => (word === 'windows' ? 'win32' : word)).find((word) => SYSTEMS.has(word))
    const cpu = words.find((word) => PROCESSORS.has(word))
    if (!os || !cpu || !/^\d+\.\d+\.\d+$/.test(version))
      throw new Error(`${name}@${version} of ${path} names no platform`)
    const libc = words.includes('musl') ? { libc: ['musl'] } : {}
    const entry = { version, cpu: [cpu], ...(dev ? { dev } : {}), ...libc, optional: true, os: [os] }
    lock.packages[`node_modules/${name}`] = entry
    added.push(name)
  }
}
const [own, ...others] = Object.entries(lock.packages)
if (own) lock.packages = Object.fromEntries([own, ...others.sort(([a], [b]) => a.localeCompare(b, 'en'))])
if (added.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
process.stdout.write(`${added.length} added\n`)
