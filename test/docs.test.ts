/** The documentation names only what exists: files, sections, commands, error codes. */
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/cli/commands/index.ts'
import type { Io } from '../src/cli/io.ts'
import { wholeProgram } from '../src/cli/program.ts'

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

/** Blocks of shell commands, and what stands in backticks. */
function codeOf(page: string): string[] {
  return [...read(page).matchAll(/^```sh\n([\s\S]*?)^```|`([^`\n]+)`/gm)].map(
    ([, block, inline]) => block ?? inline ?? '',
  )
}

const program = await wholeProgram({} as Io, COMMANDS)

/** The options that each line of a page gives to a command of Belay's and that it does not have. */
function unknownOptions(page: string): string[] {
  const lines = codeOf(page).flatMap((code) => code.split('\n'))
  return lines.flatMap((line) => {
    // What stands behind --, a pipe or a remark is not Belay's.
    const [, name, rest = ''] = /(?:^|[(&] *)belay ([a-z]+)((?:(?! -- | #|[|;&)]).)*)/.exec(line) ?? []
    const command = program.commands.find((one) => one.name() === name)
    const given = [...rest.matchAll(/(?<=\s|\[)(--[a-z][a-z-]*)/g)].map(([, flag = '']) => flag)
    if (!command) return []
    const within = command.commands.find((one) => new RegExp(`^ ${one.name()}\\b`).test(rest))
    const options = [...command.options, ...(within?.options ?? []), ...program.options]
    const known = new Set<string | undefined>(options.map(({ long }) => long))
    return given.filter((flag) => flag !== '--help' && !known.has(flag)).map((flag) => `${flag} in: ${line}`)
  })
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
    const named = codeOf(page).flatMap((text) =>
      [...text.matchAll(/(?:^|[\n&(] *)belay ([a-z]+)/g)].map(([, name = '']) => name),
    )
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })

  it('gives commands options that they have', () => expect(unknownOptions(page)).toEqual([]))
})

it('options are really read from the pages', () => {
  expect(PAGES.flatMap((page) => codeOf(page).filter((code) => / --[a-z]/.test(code))).length).toBeGreaterThan(40)
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
