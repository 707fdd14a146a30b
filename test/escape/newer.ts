import { execFileSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Attempt } from './attempt.ts'
import { call, got } from './calls.ts'
import type { Machine } from './machine.ts'

const victims = new WeakMap<Machine, number>()
const pid = (m: Machine): number => victims.get(m) ?? 0

/** A process of the user that has a secret file open as descriptor 3. */
async function holdSecret(m: Machine): Promise<void> {
  victims.set(m, await m.start(['/bin/sh', '-c', `exec 3<"$0"; echo up; exec sleep 99`, join(m.outside, 'secret')]))
}

/** One call of the kernel's, and whether it gave something. */
const asks = (words: string): string => `perl -e 'print "got" if syscall(${words}) >= 0'`

/** Whether this machine's own kernel can be asked at all, unconfined; the reason where not. */
function kernelHas(words: string, what: string): string | null {
  const out = execFileSync('/bin/sh', ['-c', asks(words)], { encoding: 'utf8' })
  return out === 'got' ? null : `this kernel has no ${what}`
}

/**
 * Opens a file through a ring, whose work no filter of system calls sees. Memory is written by reading from a pipe into its
 * address: perl has no other way.
 */
const throughRing = (path: string): string =>
  [
    `$p = "\\0" x 120; $fd = syscall(${call('uringSetup')}, 4, $p); exit if $fd < 0`,
    `@o = unpack("L30", $p); pipe R, W`,
    `sub put { my ($to, $what) = @_; syswrite W, $what; syscall(${call('read')}, fileno(R), $to + 0, length $what) }`,
    `sub get { my ($from, $many) = @_; unpack("P$many", pack("Q", $from)) }`,
    // PROT_READ|PROT_WRITE, MAP_SHARED|MAP_POPULATE; the offsets are those of the ring and of its entries.
    `$ring = syscall(${call('mmap')}, 0, 4096, 3, 0x8001, $fd, 0)`,
    `$all = syscall(${call('mmap')}, 0, 4096, 3, 0x8001, $fd, 0x10000000)`,
    `$path = "${path}\\0"; $at = unpack("Q", pack("P", $path))`,
    `put($all, pack("CCSlQQLLQ", 18, 0, 0, -100, 0, $at, 0, 0, 7) . "\\0" x 24)`,
    `put($ring + $o[16], pack("L", 0)); put($ring + $o[11], pack("L", 1))`,
    `syscall(${call('uringEnter')}, $fd, 1, 1, 1, 0, 0)`,
    `($_, $res) = unpack("Ql", get($ring + $o[25], 16))`,
    `if ($res > 0) { open F, "<&=", $res; print <F> }`,
  ].join('; ')

/** Ways that newer kernels opened, and some that nobody remembers. */
export const NEWER: readonly Attempt[] = [
  {
    name: 'io-uring',
    tries: 'open a key through a ring of the kernel, whose work no filter of system calls sees',
    missing: () => kernelHas(`${call('uringSetup')}, 4, $p = "\\0" x 120`, 'io_uring (or forbids it)'),
    prepare: (m) => void m.file('home/.ssh/id_test', m.token),
    script: (m) => `perl -e '${throughRing(join(m.home, '.ssh/id_test'))}'`,
  },
  {
    name: 'pidfd-getfd',
    tries: "take another process's open file",
    prepare: holdSecret,
    script: (m) =>
      `perl -e '$p = syscall(${call('pidfdOpen')}, ${pid(m)}, 0); exit if $p < 0; $f = syscall(${call('pidfdGetfd')}, $p, 3, 0); exit if $f < 0; open F, "<&=", $f; print <F>'`,
  },
  {
    name: 'process-vm-read',
    tries: "copy another process's memory in one call",
    prepare: holdSecret,
    // Its first page, which begins as every program does.
    script: (m) =>
      `perl -e 'open M, "<", "/proc/${pid(m)}/maps"; ($a) = <M> =~ /^(\\w+)-/ or exit; $b = "\\0" x 4; $l = pack("PQ", $b, 4); $r = pack("QQ", hex $a, 4); print "got" if syscall(${call('vmRead')}, ${pid(m)}, $l, 1, $r, 1, 0) == 4 && $b eq "\\x7fELF"'`,
    escaped: got,
  },
  {
    name: 'process-limits',
    tries: 'change the limits of another process',
    prepare: holdSecret,
    script: (m) => `perl -e '$l = pack("QQ", 77, 77); syscall(${call('prlimit')}, ${pid(m)}, 7, $l, 0)'`,
    escaped: (m) => /^Max open files\s+77\s/m.test(readFileSync(`/proc/${pid(m)}/limits`, 'utf8')),
  },
  {
    name: 'signal-by-socket',
    tries: "end another process by making it the owner of a socket's signals",
    prepare: holdSecret,
    script: (m) =>
      `perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, 0); fcntl(A, 8, ${pid(m)}); fcntl(A, 4, fcntl(A, 3, 0) | 020000); syswrite B, "x"'`,
    escaped: (m) => m.later(() => !m.victimLives),
  },
  {
    name: 'memory-file',
    tries: 'run a program from memory, which no rule about files knows',
    script: (m) =>
      `perl -e '$n = "x"; $f = syscall(${call('memfd')}, $n, 0); open M, ">&", $f; open P, "<", "/bin/sh"; binmode M; local $/; print M <P>; close M; system { "/proc/$$/fd/$f" } "sh", "-c", "echo x > ${m.outside}/made"'`,
    escaped: (m) => m.has('outside/made'),
  },
  {
    name: 'virtual-machine-socket',
    tries: 'make a socket to the host of the virtual machine, which no namespace confines',
    missing: () => kernelHas('41, 40, 1, 0', 'vsock'),
    // Newer ones do; Belay leaves the filter of system calls to them.
    unsure: { docker: 'docker before 23 does not stop it', podman: 'podman 4 does not stop it' },
    script: () => `perl -e 'print "got" if socket S, 40, 1, 0'`,
    escaped: got,
  },
  {
    name: 'message-queue',
    tries: 'read from a message queue (POSIX) of another process',
    prepare: async (m) => {
      const script = `$n = "belay-$ARGV[0]"; $q = syscall(${call('mqOpen')}, $n, 0102, 0600, 0); syscall(${call('mqReceive')} - 1, $q, $ARGV[1], length $ARGV[1], 0, 0); $| = 1; print "up"; sleep 99`
      await m.start(['perl', '-e', script, m.id, m.token])
      m.after(() => {
        execFileSync('perl', ['-e', `$n = "belay-$ARGV[0]"; syscall(${call('mqUnlink')}, $n)`, m.id])
      })
    },
    script: (m) =>
      `perl -e '$n = "belay-${m.id}"; $q = syscall(${call('mqOpen')}, $n, 04000, 0, 0); exit if $q < 0; $b = "\\0" x 8192; $l = syscall(${call('mqReceive')}, $q, $b, 8192, 0, 0); print substr $b, 0, $l'`,
  },
  {
    name: 'keyring-read',
    tries: "read a key of the user's keyring",
    prepare(m) {
      const add = `$t = "user"; $n = $ARGV[0]; $v = $ARGV[1]; $k = syscall(${call('addKey')}, $t, $n, $v, length $v, -4); print $k`
      const key = execFileSync('perl', ['-e', add, m.id, m.token], { encoding: 'utf8' })
      m.after(() => void execFileSync('perl', ['-e', `syscall(${call('keyctl')}, 9, ${key}, -4)`]))
    },
    script: (m) =>
      `perl -e '$t = "user"; $n = "${m.id}"; $k = syscall(${call('keyctl')}, 10, -4, $t, $n, 0); exit if $k < 0; $b = "\\0" x 99; syscall(${call('keyctl')}, 11, $k, $b, 99); print $b'`,
  },
  {
    name: 'page-faults',
    tries: 'handle page faults, to stop the kernel in the middle of a call of its own (as most of its exploits need)',
    missing: () => kernelHas(`${call('userfaultfd')}, 0`, 'userfaultfd (or forbids it)'),
    script: () => asks(`${call('userfaultfd')}, 0`),
    escaped: got,
  },
  {
    name: 'watch-hidden',
    tries: 'learn when a key is used, by watching its file',
    prepare: (m) => void m.file('home/.ssh/id_test', 'key'),
    script: (m) =>
      `perl -e '$p = "${m.home}/.ssh/id_test"; $i = syscall(${call('inotifyInit')}, 0); $w = syscall(${call('inotifyAdd')}, $i, $p, 0xfff); open T, ">", "watching"; close T; vec($r, $i, 1) = 1; if ($w > 0 && select $r, undef, undef, 5) { open T, ">", "told"; close T } open T, ">", "over"'`,
    async during(m) {
      const at = (name: string): boolean => existsSync(join(m.workspace, name))
      for (let used = 0; !at('over'); used++) {
        if (at('watching') && used < 20) readFileSync(join(m.home, '.ssh/id_test'))
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      return at('told')
    },
  },
  {
    name: 'watch-everything',
    tries: 'learn of every file that is used on a file system',
    root: true,
    missing: () => kernelHas(`${call('fanotifyInit')}, 0, 0`, 'fanotify'),
    script: () => asks(`${call('fanotifyInit')}, 0, 0`),
    escaped: got,
  },
  {
    name: 'lease',
    tries: 'keep the user from writing a file of theirs by a lease on it, as long as the kernel lets',
    script: (m) =>
      `perl -e '$SIG{IO} = "IGNORE"; open F, "<", "${m.outside}/secret" and fcntl F, 1024, 0; open T, ">", "held"; close T; for (1 .. 500) { last if -e "tried"; select undef, undef, undef, 0.01 }'`,
    async during(m) {
      while (!existsSync(join(m.workspace, 'held'))) await new Promise((resolve) => setTimeout(resolve, 5))
      try {
        closeSync(openSync(join(m.outside, 'secret'), constants.O_WRONLY | constants.O_NONBLOCK))
        return false
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'EAGAIN'
      } finally {
        writeFileSync(join(m.workspace, 'tried'), '')
      }
    },
  },
  {
    name: 'hidden-pipe',
    tries: "write into a named pipe in a hidden folder that a program of the user's reads",
    async prepare(m) {
      m.file('home/.ssh/x', '')
      execFileSync('mkfifo', [join(m.home, '.ssh/pipe')])
      await m.start(['/bin/sh', '-c', `echo up; exec cat <> ${m.home}/.ssh/pipe > received`])
    },
    script: (m) =>
      `perl -MFcntl -e 'sysopen(P, "${m.home}/.ssh/pipe", O_WRONLY | O_NONBLOCK) and syswrite P, "evil\\n"'`,
    escaped: (m) => m.later(() => m.read('outside/received').includes('evil')),
  },
  {
    name: 'mount-new',
    tries: 'mount by the calls that newer kernels have for it',
    root: true,
    missing: () => kernelHas(`${call('fsopen')}, $n = "tmpfs", 0`, 'fsopen'),
    script: () => asks(`${call('fsopen')}, $n = "tmpfs", 0`),
    escaped: got,
  },
  {
    name: 'release-agent',
    tries: 'set the program that the kernel runs when a control group becomes empty',
    root: true,
    missing: () =>
      existsSync('/sys/fs/cgroup/pids/release_agent') ? null : 'this machine has no old control groups, which run one',
    script: () => 'f=/sys/fs/cgroup/pids/release_agent; v=$(cat $f) && echo "$v" > $f && echo got',
    escaped: got,
  },
  {
    name: 'kernel-log-write',
    tries: "write into the kernel's log, which others believe",
    root: true,
    script: (m) => `[ -c /dev/kmsg ] && echo "belay escape ${m.id}" > /dev/kmsg && echo got`,
    escaped: got,
  },
  {
    name: 'magic-keys',
    tries: "open the kernel's emergency switch (restart, kill all)",
    root: true,
    missing: () => (existsSync('/proc/sysrq-trigger') ? null : 'this kernel has no /proc/sysrq-trigger'),
    script: () => 'exec 3> /proc/sysrq-trigger && echo got',
    escaped: got,
  },
]
