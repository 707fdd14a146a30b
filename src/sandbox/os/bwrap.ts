import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive, resolveProgram, thisProcess } from '../../process/index.ts'
import type { Refusal } from '../port.ts'
import { unavailable } from '../refusal.ts'
import { SYSTEM_PATH } from './environment.ts'
import { seccompFilter } from './seccomp.ts'

/** What sandboxes on Linux are made with. `folder` is their own, of the user's alone, and goes with `remove`. */
export interface Tools {
  readonly bwrap: string
  /** File with the seccomp filter. */
  readonly filter: string
  readonly folder: string
  remove(): void
}

/** Finds and makes what a sandbox needs. */
export function makeTools(): { readonly tools: Tools } | { readonly refusal: Refusal } {
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
  sweep()
  const { pid, startTime } = thisProcess()
  const folder = mkdtempSync(join(tmpdir(), `belay-os-${pid}-${startTime}-`))
  const filter = join(folder, 'filter.bpf')
  writeFileSync(filter, program)
  return { tools: { bwrap, filter, folder, remove: () => rmSync(folder, { recursive: true, force: true }) } }
}

/** Removes what Belays that were killed left. */
function sweep(): void {
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

/** `$1` is the filter, `$2` the number of control groups, whose files follow. */
const ENTER = [
  'exec 9<"$1" || exit 126',
  'n=$2; shift 2',
  'while [ "$n" -gt 0 ]; do echo "$$" >"$1" || exit 126; shift; n=$((n - 1)); done',
  'exec "$@"',
].join('\n')

/** Brings a program up to the door of a sandbox: through its control groups, with the filter at descriptor 9. */
export function enterArgv({ filter }: Tools, groups: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', ENTER, 'belay-enter', filter, String(groups.length), ...groups]
}

/** The words that start bwrap: those for the file system follow, then `--` and the program. */
export function bwrapArgv({ bwrap }: Tools, unshareNetwork: boolean): readonly string[] {
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
