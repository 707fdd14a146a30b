import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const RUN = fileURLToPath(new URL('run.ts', import.meta.url))
const STANDING = fileURLToPath(new URL('standing.ts', import.meta.url))

it('a git for which there are no file descriptors left is told, and ends nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'belay-descriptors-'))
  try {
    const program = join(folder, 'program.ts')
    writeFileSync(
      program,
      `
      import { closeSync, openSync } from 'node:fs'
      import { tryGit } from ${JSON.stringify(RUN)}
      import { StandingGit } from ${JSON.stringify(STANDING)}
      await tryGit(['--version'], { cwd: '/' })
      const taken: number[] = []
      try {
        for (;;) taken.push(openSync('/dev/null', 'r'))
      } catch {}
      const code = (error: any) => error.code
      const asked = await tryGit(['--version'], { cwd: '/' }).then(() => 'worked', code)
      const stood = await new StandingGit(['cat-file', '--batch'], '/nowhere').ask('x', () => ({ more: 1 })).then(() => 'worked', code)
      for (const one of taken) closeSync(one)
      const again = await tryGit(['--version'], { cwd: '/' }).then(() => 'worked', code)
      console.log(JSON.stringify([asked, stood, again]))
      `,
    )
    const said = execFileSync('/bin/sh', ['-c', 'ulimit -n 64 && exec "$0" "$1"', process.execPath, program], {
      encoding: 'utf8',
    })
    expect(JSON.parse(said)).toEqual(['git_missing', 'git_missing', 'worked'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
