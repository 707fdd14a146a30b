import { join } from 'node:path'
import type { Attempt } from './attempt.ts'
import type { Machine } from './machine.ts'

const TIOCSTI = 0x5412

/** A terminal of the user, with a program that waits for input and records it. */
async function openTerminal(m: Machine): Promise<void> {
  const shell = `tty > ${m.outside}/tty; echo up; while sleep 0.05; do read -r line && echo "$line" >> ${m.outside}/typed; done`
  await m.start(['script', '-qfc', shell, join(m.outside, 'screen')])
}

const terminal = (m: Machine): string => m.read('outside/tty').trim()

/** The user's own terminal. */
export const TERMINALS: readonly Attempt[] = [
  {
    name: 'terminal-type',
    tries: "type a command into the user's terminal",
    root: true,
    prepare: openTerminal,
    script: (m) =>
      `perl -e 'open T, "<", "${terminal(m)}" or exit; for (split //, "evil\\n") { ioctl(T, ${TIOCSTI}, $_) }'`,
    escaped: (m) => m.later(() => m.read('outside/typed').includes('evil')),
  },
  {
    name: 'terminal-write',
    tries: "write onto the user's terminal, which obeys some of it",
    prepare: openTerminal,
    script: (m) => `echo evil > ${terminal(m)}`,
    escaped: (m) => m.later(() => m.read('outside/screen').includes('evil')),
  },
]
