import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive, resolveProgram, thisProcess } from '../../process/index.ts'
import type { Refusal } from '../port.ts'
import { unavailable } from '../refusal.ts'
import { SYSTEM_PATH } from './environment.ts'
import { seccompFilter } from './seccomp.ts'

/** What sandboxes on Linux are made with. */
export interface FoundTools {
  readonly bwrap: string
  /** The seccomp filter. */
  readonly program: Buffer
}

/** The same, made ready. `folder` is their own, of the user's alone, and goes with `remove`. */
export interface Tools extends FoundTools {
  /** File with the seccomp filter. */
  readonly filter: string
  readonly folder: string
  remove(): void
}

/** Finds what a sandbox needs. */
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

/** Makes what a sandbox needs. */
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

/** Removes what Belays that were killed left. */
export function sweepTools(): void {
  for (const entry of readdirSync(tmpdir())) {
    const [, pid, startTime] = /^belay-os-(\d+)-(\d+)-/.exec(entry) ?? []
    if (pid === undefined || startTime === undefined || isAlive({ pid: Number(pid), startTime })) continue
    try {
      rmSync(join(tmpdir(), entry), { recursive: true, force: true })
    } catch {
      // another user's: theirs to remove
    }
  }
}

/** `$1` is the number of control groups, whose files follow. */
const ENTER = [
  'n=$1; shift',
  'while [ "$n" -gt 0 ]; do echo "$$" >"$1" || exit 126; shift; n=$((n - 1)); done',
  'exec "$@"',
].join('\n')

/** Brings a program up to the door of a sandbox: through its control groups. */
export function enterArgv(groups: readonly string[]): readonly string[] {
  return groups.length === 0 ? [] : ['/bin/sh', '-c', ENTER, 'belay-enter', String(groups.length), ...groups]
}

/**
 * The words that start bwrap, which wants the filter at descriptor 9: those for the file system follow, then `--` and the
 * program.
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
