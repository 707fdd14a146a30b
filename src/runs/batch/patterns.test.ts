import { describe, expect, it } from 'vitest'
import { matcher, patternProblem } from './patterns.ts'

const FILES = ['a.ts', 'b.md', '.hidden', 'src/a.ts', 'src/.env', 'src/deep/b.ts', 'src/deep/b.test.ts', 'docs/x.md']

const match = (glob: string[], exclude: string[] = []) => FILES.filter(matcher(glob, exclude))

describe('patterns', () => {
  it.each<[string[], string[], string[]]>([
    [['**/*'], [], FILES],
    [['*'], [], ['a.ts', 'b.md', '.hidden']],
    [['src/*'], [], ['src/a.ts', 'src/.env']],
    [['**/*.{ts,md}'], ['docs'], ['a.ts', 'b.md', 'src/a.ts', 'src/deep/b.ts', 'src/deep/b.test.ts']],
    [['{**/*.md,src/*.ts}'], [], ['b.md', 'src/a.ts', 'docs/x.md']],
    [['src/**/*.ts', '!**/*.test.ts'], [], ['src/a.ts', 'src/deep/b.ts']],
    [['!**/*.ts'], [], ['b.md', '.hidden', 'src/.env', 'docs/x.md']],
    [['src'], ['src/deep/'], ['src/a.ts', 'src/.env']],
    [['./src/deep', 'a.ts'], [], ['a.ts', 'src/deep/b.ts', 'src/deep/b.test.ts']],
    [['.'], ['**/*.ts'], ['b.md', '.hidden', 'src/.env', 'docs/x.md']],
  ])('%j without %j', (glob, exclude, files) => expect(match(glob, exclude)).toEqual(files))

  it.each(['/etc/passwd', '../x', 'a/../b', '!../x', '*.@(a|b)', 'a/!(b)', '[z-a]'])('refuses %s', (pattern) => {
    expect(patternProblem(pattern)).toEqual(expect.any(String))
  })

  it.each(['app/(group)/*.tsx', '**/*', '!x', '[a-z]*', 'a{b,c}', '..a', '\\*(x'])('takes %s', (pattern) => {
    expect(patternProblem(pattern)).toBeNull()
  })
})
