import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { addAll } from './add.ts'
import { git, tryGit } from './run.ts'
import { makeRepo, type TestRepo } from './testing/repo.ts'

let repo: TestRepo
beforeEach(() => {
  repo = makeRepo()
})
afterEach(() => repo.remove())

function pipe(path: string): void {
  mkdirSync(join(repo.root, path, '..'), { recursive: true })
  execFileSync('mkfifo', [join(repo.root, path)])
}

it.runIf(process.platform === 'linux')('git does not wait at named pipes, however many', async () => {
  repo.write('a', 'a')
  for (let n = 0; n < 20; n++) pipe(`folder${n}/.gitignore`)
  for (const name of ['HEAD', 'config', 'commondir']) pipe(`nested/.git/${name}`)
  for (const folder of ['objects', 'refs']) mkdirSync(join(repo.root, 'nested/.git', folder))
  await addAll(repo.root)
  expect(await git(['diff', '--cached', '--name-only'], { cwd: repo.root })).toBe('a')
})

it('a pipe that git has no business with does not matter', async () => {
  pipe('b')
  const { code } = await tryGit(['status', '--porcelain'], { cwd: repo.root })
  expect(code).toBe(0)
})
