import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive, resolveProgram, thisProcess } from '../../process/index.ts'
import type { Refusal } from '../port.ts'
import { unavailable } from '../refusal.ts'
import { SYSTEM_PATH } from './environment.ts'
import { seccompFilter } from './seccomp.ts'

/** What a sandbox on Linux is built with. */
export interface FoundTools {
  readonly bwrap: string
  /** The seccomp filter as a program. */
  readonly program: Buffer
}

/** The same, ready for use. `folder` is private to the user and removed by `remove`. */
export interface Tools extends FoundTools {
  /** Path of the file with the seccomp filter. */
  readonly filter: string
  readonly folder: string
  remove(): void
}

/** Finds what a sandbox needs, or says what is missing. */
export function findTools(): FoundTools | { readonly refusal: Refusal } {
  const bwrap = resolveProgram('bwrap', '/', SYSTEM_PATH)
  if (bwrap === null) {
    return {
      refusal: unavailable(
        'bubblewrap (bwrap) is not installed',
        'install bubblewrap, e.g. apt-get install bubblewrap',
      ),
    }
  }
  const program = seccompFilter()
  if (program === null) {
    return { refusal: unavailable(`there is no seccomp filter for ${process.arch}`, 'use --sandbox docker') }
  }
  return { bwrap, program }
}

/** Prepares what a sandbox needs, or says what is missing. */
export function makeTools(): { readonly tools: Tools } | { readonly refusal: Refusal } {
  const found = findTools()
  if ('refusal' in found) return found
  sweepTools()
  const { pid, startTime } = thisProcess()
  const folder = mkdtempSync(join(tmpdir(), `belay-os-${pid}-${startTime}-`))
  const filter = join(folder, 'filter.bpf')
  writeFileSync(filter, found.program)
  return { tools: { ...found, filter, folder, remove: () => rmSync(folder, { recursive: true, force: true }) } }
}

/** Removes tool folders of killed Belay processes. */
export function sweepTools(): void {
  for (const entry of readdirSync(tmpdir())) {
    const [, pid, startTime] = /^belay-os-(\d+)-(\d+)-/.exec(entry) ?? []
    if (pid === undefined || startTime === undefined || isAlive({ pid: Number(pid), startTime })) continue
    try {
      rmSync(join(tmpdir(), entry), { recursive: true, force: true })
    } catch {
      // another user's: not ours to remove
    }
  }
}

/** Shell script. `$1` is the number of control groups, whose files follow. */
const ENTER = [
  'n=$1; shift',
  'while [ "$n" -gt 0 ]; do echo "$$" >"$1" || exit 126; shift; n=$((n - 1)); done',
  'exec "$@"',
].join('\n')

/** The command prefix that puts a program into control groups before its sandbox starts. */
export function enterArgv(groups: readonly string[]): readonly string[] {
  return groups.length === 0 ? [] : ['/bin/sh', '-c', ENTER, 'belay-enter', String(groups.length), ...groups]
}

/**
 * The arguments that start bwrap with the filter at descriptor 9. The caller appends arguments for the file system, then `--`
 * and the program.
 */
export function bwrapArgv({ bwrap }: FoundTools, unshareNetwork: boolean): readonly string[] {
  return [
    bwrap,
    '--new-session',
    '--die-with-parent',
    '--unshare-user',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(unshareNetwork ? ['--unshare-net'] : []),
    '--cap-drop',
    'ALL',
    '--seccomp',
    '9',
  ]
}
