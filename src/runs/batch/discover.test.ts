import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadBatchConfig } from './config.ts'
import { discover } from './discover.ts'

let dir: string
let root: string

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'belay-discover-')))
  root = join(dir, 'root')
  mkdirSync(root)
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function files(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), path)
  }
}

async function find(more = '', inRepository = false) {
  writeFileSync(join(root, 'b.yaml'), `provider: claude\nprompt: p\nschema: {}\n${more}`)
  return discover(await loadBatchConfig(root, 'b.yaml'), { inRepository, home: join(root, 'state') })
}

const git = (cwd: string, ...args: string[]) => execFileSync('git', args, { cwd })

describe('finding the files of a batch', () => {
  it('takes files with dots, sorts by code units, and leaves out what is not the user’s to ask about', async () => {
    files('b', 'a/z', 'B', '.dot', 'é', 'results.json', '.results.json.belay-x.tmp', 'state/belay.db')
    files(
      '.git/config',
      'x/.git/config',
      'node_modules/a',
      'x/node_modules/a',
      '.belay/a',
      'x/.belay/a',
      'x/node_modules.md',
    )
    expect(await find()).toEqual({ files: ['.dot', 'B', 'a/z', 'b', 'x/node_modules.md', 'é'], leftOut: [] })
  })

  it('takes a results file of that name in another folder, or another name, for a file like any other', async () => {
    files('sub/results.json', 'results.json')
    expect((await find('results: out.json')).files).toEqual(['results.json', 'sub/results.json'])
  })

  it('names each file once, whatever patterns and links lead to it', async () => {
    files('a.md', 'sub/b.md')
    symlinkSync('a.md', join(root, 'again.md'))
    symlinkSync('sub', join(root, 'folder'))
    expect((await find("glob: ['*.md', '**/*.md', a.md]")).files).toEqual(['a.md', 'sub/b.md'])
  })

  it('follows a link to a file inside when the file is not matched itself, and names links out', async () => {
    writeFileSync(join(dir, 'secret'), 'x')
    files('real.txt')
    mkdirSync(join(root, 'docs'))
    symlinkSync('../real.txt', join(root, 'docs', 'in.md'))
    symlinkSync('../../secret', join(root, 'docs', 'out.md'))
    symlinkSync('nowhere', join(root, 'docs', 'broken.md'))
    expect(await find('glob: docs')).toEqual({
      files: ['docs/in.md'],
      leftOut: [
        { path: 'docs/broken.md', why: 'a link that leads nowhere' },
        { path: 'docs/out.md', why: 'a link out of the folder' },
      ],
    })
  })

  it('names a file whose name is not valid UTF-8', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff])]), 'x')
    const found = await find()
    expect(found.files).toEqual([])
    expect(found.leftOut).toEqual([{ path: 'a\u{fffd}', why: 'its name is not valid UTF-8' }])
  })

  it('leaves out what git ignores, by the rules of each repository inside, and keeps what git tracks', async () => {
    git(root, 'init', '-q')
    files('a', 'build/x', 'build/kept', 'deleted', 'inner/y', 'inner/skip', 'sub/z', 'sub/local')
    writeFileSync(join(root, '.gitignore'), 'build/\n/skip\n')
    writeFileSync(join(root, 'sub', '.gitignore'), 'local\n')
    git(root, 'add', 'a', 'deleted')
    git(root, 'add', '-f', 'build/kept')
    rmSync(join(root, 'deleted'))
    git(join(root, 'inner'), 'init', '-q')
    writeFileSync(join(root, 'inner', '.gitignore'), 'skip\n')
    const kept = (await find('', true)).files
    expect(kept).toEqual(['.gitignore', 'a', 'build/kept', 'inner/.gitignore', 'inner/y', 'sub/.gitignore', 'sub/z'])
    expect((await find('include_ignored: true', true)).files).toEqual(
      [...kept, 'build/x', 'inner/skip', 'sub/local'].sort(),
    )
  })

  it('finds the files of a folder inside a repository', async () => {
    git(dir, 'init', '-q')
    writeFileSync(join(dir, 'above'), 'x')
    writeFileSync(join(dir, '.gitignore'), '*.log\n')
    files('a', 'x.log')
    expect((await find('', true)).files).toEqual(['a'])
  })
})
