/** The documentation names things that are there: files, sections, commands, error codes. */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/cli/commands/index.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).sort()

function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

/** The anchor that a forge gives to a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

function anchors(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))
}

describe.each(PAGES)('%s', (page) => {
  it('links to files and sections that are there', () => {
    const broken = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].filter(
      ([, path = '', anchor]) => {
        const target = path === '' ? page : join(dirname(page), path)
        if (!existsSync(join(ROOT, target))) return true
        return anchor !== undefined && !anchors(target).includes(anchor)
      },
    )
    expect(broken.map(([link]) => link)).toEqual([])
  })

  it('names commands that are there', () => {
    const known = new Set(COMMANDS.map(({ name }) => name))
    const code = [...read(page).matchAll(/^```sh\n([\s\S]*?)^```|`([^`\n]+)`/gm)].map(
      ([, block, inline]) => block ?? inline ?? '',
    )
    const named = code.flatMap((text) =>
      [...text.matchAll(/(?:^|[\n&(] *)belay ([a-z]+)/g)].map(([, name = '']) => name),
    )
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })
})

it('docs/troubleshooting.md names error codes that are there', () => {
  const codes = [...read('docs/troubleshooting.md').matchAll(/^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|/gm)].flatMap(
    ([, cell = '']) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => code),
  )
  expect(codes.length).toBeGreaterThan(20)
  const missing = codes.filter((code) => {
    if (/^agent_(auth|spawn|protocol|provider|failed)$/.test(code)) return false // made of the agent port's codes
    const args = ['grep', '--untracked', '-q', '-F', `'${code}'`, '--', 'src']
    try {
      execFileSync('git', args, { cwd: ROOT })
      return false
    } catch {
      return true
    }
  })
  expect(missing).toEqual([])
})
