/** The table of cases in docs/adding-an-agent.md matches the tests. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const PAGE = fileURLToPath(new URL('../../../docs/adding-an-agent.md', import.meta.url))

/** Titles of the tests in a file, as written there. */
function titles(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const calls = /(describe\()?(?:'([^'\n]+)'|`([^`\n]+)`),\s*(?:async )?\([^)]*\) =>/g
  return [...text.matchAll(calls)]
    .filter(([, group]) => group === undefined)
    .map(([, , plain, made = '']) => plain ?? made.replace("${timed ? ', with the time of the next try' : ''}", ''))
}

it('names every case of the suite, and none that is not there', () => {
  const rows = readFileSync(PAGE, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  const told = rows.map((line) => line.split(' | ')[1]?.replace(/ \|$/, '')).filter((title) => title !== 'test')
  const suite = readdirSync(HERE).filter(
    (name) => name.endsWith('.ts') && !/test[.]ts$|^conformance|^bad-|^play|^harness|^index/.test(name),
  )
  const played = [...suite.map((name) => join(HERE, name)), join(HERE, '..', 'bad-agent.test.ts')]
  const known = played.flatMap(titles).filter((title) => !/^(opencode: |%s, with a program)/.test(title))
  expect([...new Set(told)].filter((title) => !known.includes(title ?? ''))).toEqual([])
  expect(known.filter((title) => !told.includes(title))).toEqual([])
})
