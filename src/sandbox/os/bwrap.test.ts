import { expect, it } from 'vitest'
import { bwrapArgv, enterArgv } from './bwrap.ts'

const TOOLS = { bwrap: '/usr/bin/bwrap', program: Buffer.alloc(0) }

/** Each of these options also prevents something that another one prevents, so no escape test shows that one is missing. */
it('a program gets no terminal, outlives nobody, and has nothing of the machine but its files', () => {
  const words = [
    '--new-session',
    '--die-with-parent',
    '--unshare-user',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
  ]
  const alone = bwrapArgv(TOOLS, true)
  expect(alone).toEqual(expect.arrayContaining([...words, '--unshare-cgroup-try', '--unshare-net']))
  expect(alone.join(' ')).toContain('--cap-drop ALL --seccomp 9')
  expect(bwrapArgv(TOOLS, false)).toEqual(alone.filter((word) => word !== '--unshare-net'))
})

it('a program enters its control groups first, and does not run when it cannot', () => {
  expect(enterArgv([])).toEqual([])
  const argv = enterArgv(['/sys/fs/cgroup/a/cgroup.procs', '/sys/fs/cgroup/b/cgroup.procs'])
  expect(argv.slice(-3)).toEqual(['2', '/sys/fs/cgroup/a/cgroup.procs', '/sys/fs/cgroup/b/cgroup.procs'])
  expect(argv[2]).toContain('exit 126')
})
