import { existsSync, rmdirSync } from 'node:fs'
import type { Attempt } from './attempt.ts'

const arm = process.arch === 'arm64'
const ADD_KEY = arm ? 217 : 248
const SYSLOG = arm ? 116 : 103
const SET_HOST_NAME = arm ? 161 : 170
const CGROUPS = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup']
const HUGE_PAGES = '/sys/kernel/mm/transparent_hugepage/enabled'

const got = (_: unknown, out: string): boolean => out.includes('got')

/** The kernel's own switches. Values are written back unchanged, so that an escape does no harm. */
export const KERNEL: readonly Attempt[] = [
  {
    name: 'mount',
    tries: 'mount a file system',
    root: true,
    script: () => 'mkdir m && mount -t tmpfs none m && echo got && umount m',
    escaped: got,
  },
  {
    name: 'unmount',
    tries: 'take a mount away',
    root: true,
    prepare: () => {},
    script: () => 'mkdir m; mount -t tmpfs none m; umount m && echo got; umount -l "$HOME/.ssh" && echo got',
    escaped: got,
  },
  {
    name: 'user-namespace',
    tries: 'become root in a user namespace, and mount there',
    unsure: { podman: 'inside of its container podman lets it' },
    script: () => 'mkdir m && unshare -r -m mount -t tmpfs none m && echo got',
    escaped: got,
  },
  {
    name: 'core-pattern',
    tries: 'set the program that the kernel runs for every crash',
    root: true,
    script: () => 'f=/proc/sys/kernel/core_pattern; v=$(cat $f) && echo "$v" > $f && echo got',
    escaped: got,
  },
  {
    name: 'kernel-setting',
    tries: 'write a setting of memory in /proc/sys',
    root: true,
    script: () => 'f=/proc/sys/vm/swappiness; v=$(cat $f) && echo "$v" > $f && echo got',
    escaped: got,
  },
  {
    name: 'sysfs',
    tries: 'write a setting in /sys',
    root: true,
    script: () => `f=${HUGE_PAGES}; v=$(sed 's/.*\\[\\(.*\\)\\].*/\\1/' $f) && echo "$v" > $f && echo got`,
    escaped: got,
  },
  {
    name: 'control-group',
    tries: 'make a control group, to leave the limits',
    root: true,
    script: (m) => CGROUPS.map((folder) => `mkdir ${folder}/escape-${m.id}`).join('; '),
    escaped: (m) => {
      const made = CGROUPS.map((folder) => `${folder}/escape-${m.id}`).filter((path) => existsSync(path))
      for (const path of made) rmdirSync(path)
      return made.length > 0
    },
  },
  {
    name: 'kernel-log',
    tries: "read the kernel's log",
    root: true,
    unsure: { gVisor: "gVisor shows one of its own, not the machine's" },
    script: () => `perl -e '$b = "x" x 4096; print "got" if syscall(${SYSLOG}, 3, $b, 4096) > 0'`,
    escaped: got,
  },
  {
    name: 'host-name',
    tries: "set the machine's name",
    root: true,
    script: () =>
      `perl -e '$n = \`cat /proc/sys/kernel/hostname\`; chomp $n; print "got" if syscall(${SET_HOST_NAME}, $n, length $n) == 0'`,
    escaped: got,
  },
  {
    name: 'keyring',
    tries: "put a key into the user's keyring",
    script: () =>
      `perl -e '$t = "user"; $n = "belay"; $v = "x"; print "got" if syscall(${ADD_KEY}, $t, $n, $v, 1, -4) > 0'`,
    escaped: got,
  },
]
