import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { limitedGroup } from './cgroup.ts'

it('a control group that is still in use is removed when it is not any more', () => {
  const home = mkdtempSync(join(tmpdir(), 'belay-cgroup-'))
  try {
    const groups = join(home, 'groups')
    mkdirSync(groups)
    writeFileSync(join(home, 'cgroup'), '0::/\n')
    writeFileSync(join(home, 'mountinfo'), `1 1 0:1 / ${groups} rw - cgroup2 cgroup2 rw\n`)
    const made = limitedGroup({ cpus: null, memoryBytes: null, pids: 5, diskBytes: null }, home)
    if ('why' in made) throw new Error(made.why)
    const folder = dirname(made.group.joins[0] ?? '')
    // In the real cgroup file system the files disappear with the folder; here they keep it from being removed.
    expect(() => made.group.remove()).toThrow(/ENOTEMPTY/)
    for (const name of readdirSync(folder)) rmSync(join(folder, name))
    made.group.remove()
    expect(existsSync(folder)).toBe(false)
    made.group.remove()
  } finally {
    rmSync(home, { recursive: true })
  }
})
