import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Attempt } from './attempt.ts'
import type { Machine } from './machine.ts'

const NUMBERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: { nameToHandle: 303, openByHandle: 304, setxattr: 188, bpf: 321, perf: 298, settime: 227, gettime: 228 },
  arm64: { nameToHandle: 264, openByHandle: 265, setxattr: 5, bpf: 280, perf: 241, settime: 112, gettime: 113 },
}
const call = (name: string): number => NUMBERS[process.arch]?.[name] ?? -1

const got = (_: unknown, out: string): boolean => out.includes('got')

function isSetGroupIdRoot(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && found.gid === 0 && (found.mode & 0o2010) === 0o2010
}

/** A file's handle (its number on its file system), as the kernel gives it to anybody who can see the file; in hexadecimal. */
function handleOf(path: string): string {
  const script = `$h = pack("Li", 128, 0) . "\\0" x 128; $m = "\\0" x 8; $p = $ARGV[0]; syscall(${call('nameToHandle')}, -100, $p, $h, $m, 0) == 0 or die "$!"; print unpack("H*", $h)`
  return execFileSync('perl', ['-e', script, path], { encoding: 'utf8' })
}

/** Without the buffers of \`perl\`: what the kernel is asked in one call. */
const asks = (setup: string, words: string): string => `perl -e '${setup}; print "got" if syscall(${words}) >= 0'`

/** Rights that a file, a program or the kernel gives. */
export const PRIVILEGES: readonly Attempt[] = [
  {
    name: 'set-group-id',
    tries: "leave a program in the workspace that runs as the file's group, root's",
    root: true,
    script: () => 'cp /bin/sh tool && chmod 2755 tool',
    escaped: (m) => isSetGroupIdRoot(join(m.workspace, 'tool')),
  },
  {
    name: 'set-group-id-create',
    tries: 'the same with the mode given when the file is made',
    root: true,
    script: () => `perl -MFcntl -e 'umask 0; sysopen F, "tool", O_CREAT|O_WRONLY, 02755'`,
    escaped: (m) => isSetGroupIdRoot(join(m.workspace, 'tool')),
  },
  {
    name: 'file-capability',
    tries: 'give a program in the workspace a capability',
    root: true,
    script: () =>
      `cp /bin/sh tool; ${asks('$p = "tool"; $n = "security.capability"; $v = pack("L5", 0x02000001, 1 << 21, 0, 0, 0)', `${call('setxattr')}, $p, $n, $v, 20, 0`)}`,
    escaped: got,
  },
  {
    name: 'other-owner',
    tries: "make a file in the workspace another user's",
    root: true,
    script: () => 'echo x > given && chown 12345:12345 given',
    escaped: (m) => statSync(join(m.workspace, 'given')).uid === 12345,
  },
  {
    name: 'immutable',
    tries: 'make a file in the workspace one that nobody can remove',
    root: true,
    // FS_IOC_SETFLAGS; undone at once where it works.
    script: () =>
      `echo x > stays; perl -e 'open F, "<", "stays"; $on = pack("L", 0x10); $off = pack("L", 0x80000); if (ioctl(F, 0x40086602, $on)) { print "got"; ioctl(F, 0x40086602, $off) }'`,
    escaped: got,
  },
  {
    name: 'file-handle',
    tries: "read Belay's record by the number that it has on its file system",
    root: true,
    script: (m) =>
      `perl -e 'open D, "<", "."; $h = pack("H*", "${handles.get(m) ?? ''}"); $fd = syscall(${call('openByHandle')}, fileno(D), $h, 0); exit if $fd < 0; open F, "<&=", $fd; print <F>'`,
    prepare: (m) => void handles.set(m, handleOf(join(m.state, 'belay.db'))),
  },
  {
    name: 'join-namespace',
    tries: 'enter the namespace of mounts of another process',
    root: true,
    prepare: async (m) => void others.set(m, await m.start(['/bin/sh', '-c', 'echo up; sleep 99'])),
    script: (m) => `busybox nsenter -t ${others.get(m)} -m cat ${m.state}/belay.db`,
  },
  {
    name: 'bpf',
    tries: 'make a table in the kernel for programs that look at everything',
    root: true,
    script: () => asks('$a = pack("L4", 2, 4, 4, 1) . "\\0" x 64', `${call('bpf')}, 0, $a, 72`),
    escaped: got,
  },
  {
    name: 'performance-events',
    tries: 'watch all that one core does',
    root: true,
    script: () => asks('$a = pack("LLQ", 1, 112, 0) . "\\0" x 96', `${call('perf')}, $a, -1, 0, -1, 0`),
    escaped: got,
  },
  {
    name: 'clock',
    tries: "set the machine's clock (to what it is)",
    root: true,
    script: () => asks(`$t = "\\0" x 16; syscall(${call('gettime')}, 0, $t)`, `${call('settime')}, 0, $t`),
    escaped: got,
  },
]

const handles = new WeakMap<Machine, string>()
const others = new WeakMap<Machine, number>()
