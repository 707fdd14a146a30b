import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Attempt } from './attempt.ts'
import type { Machine } from './machine.ts'

const NUMBERS: Readonly<Record<string, { readonly ptrace: number; readonly vmRead: number }>> = {
  x64: { ptrace: 101, vmRead: 310 },
  arm64: { ptrace: 117, vmRead: 270 },
}
const calls = NUMBERS[process.arch] ?? { ptrace: 0, vmRead: 0 }

const victims = new WeakMap<Machine, number>()

/** A process of the user, with the token in its environment, its arguments and an open file. */
async function startVictim(m: Machine): Promise<void> {
  const script = 'exec 8>>"$0"; echo up; while :; do sleep 1; done'
  victims.set(m, await m.start(['/bin/sh', '-c', script, join(m.outside, 'log'), m.token], { SECRET: m.token }))
}

const pid = (m: Machine): number => victims.get(m) ?? 0

/** Other processes, and living on. */
export const PROCESSES: readonly Attempt[] = [
  {
    name: 'proc-environ',
    tries: 'read the environment of another process',
    prepare: startVictim,
    script: () => 'cat /proc/[0-9]*/environ 2>/dev/null',
  },
  {
    name: 'proc-arguments',
    tries: 'read the arguments of another process',
    prepare: startVictim,
    script: () => 'cat /proc/[0-9]*/cmdline 2>/dev/null',
    // Its own arguments do not hold the token.
  },
  {
    name: 'proc-open-file',
    tries: "write into another process's open file by way of /proc/PID/fd",
    prepare: startVictim,
    // Not the others': every process of this machine may have such a file.
    script: (m) =>
      `for d in /proc/[0-9]*/fd/8; do [ "$(readlink $d)" = ${m.outside}/log ] && echo x > $d; done 2>/dev/null; echo x > /proc/${pid(m)}/fd/8`,
    escaped: (m) => m.read('outside/log') !== '',
  },
  {
    name: 'proc-other-root',
    tries: "read a file by way of another process's root",
    prepare: startVictim,
    script: (m) => `cat /proc/[0-9]*/root${m.state}/belay.db 2>/dev/null`,
  },
  {
    name: 'proc-other-folder',
    tries: "write a file by way of another process's working folder",
    prepare: startVictim,
    script: () => 'for d in /proc/[0-9]*/cwd; do [ -e $d/secret ] && echo x > $d/made; done 2>/dev/null',
    escaped: (m) => m.has('outside/made'),
  },
  {
    name: 'kill',
    tries: 'kill another process',
    prepare: startVictim,
    script: (m) => `kill -9 ${pid(m)}`,
    escaped: (m) => m.later(() => !m.victimLives),
  },
  {
    name: 'ptrace',
    tries: 'attach to another process as a debugger',
    prepare: startVictim,
    script: (m) => `perl -e 'print "attached" if syscall(${calls.ptrace}, 16, ${pid(m)}, 0, 0) == 0'`,
    escaped: (_, out) => out.includes('attached'),
  },
  {
    name: 'memory',
    tries: "open another process's memory",
    prepare: startVictim,
    script: (m) => `perl -e 'open F, "+<", "/proc/${pid(m)}/mem" and print "opened"'`,
    escaped: (_, out) => out.includes('opened'),
  },
  {
    name: 'priority',
    tries: "change another process's priority",
    prepare: startVictim,
    script: (m) => `perl -e 'setpriority(0, ${pid(m)}, 7)'`,
    escaped: (m) =>
      readFileSync(`/proc/${pid(m)}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ')[16] === '7',
  },
  {
    name: 'daemon',
    tries: 'leave the process group and go on when the command is over',
    script: (m) => `setsid sh -c '${beats(m)}' >/dev/null 2>&1 </dev/null & until [ -s beats ]; do :; done`,
    escaped: goesOn,
  },
  {
    name: 'daemon-without-mark',
    tries: 'the same twice over, with an empty environment, so that nothing marks it',
    script: (m) =>
      `perl -e 'require POSIX; if (fork) { select undef, undef, undef, 0.01 until -s "beats"; exit } POSIX::setsid(); exit if fork; %ENV = (); exec "/bin/sh", "-c", q(${beats(m)}) if !fork' >/dev/null 2>&1 </dev/null`,
    escaped: goesOn,
  },
]

/** For /bin/sh: goes on until it is told to end, or the machine is gone. */
const beats = (m: Machine): string =>
  `while [ -e ${m.workspace}/a ] && [ ! -e ${m.workspace}/end ]; do echo x >> ${m.workspace}/beats; sleep 0.05; done`

/** Whether it goes on although the command is over; then it is ended. */
async function goesOn(m: Machine): Promise<boolean> {
  const size = (): number => statSync(join(m.workspace, 'beats')).size
  const over = size()
  const went = await m.later(() => size() > over + 4)
  writeFileSync(join(m.workspace, 'end'), '')
  for (let last = -1; last !== size();) {
    last = size()
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return went
}
