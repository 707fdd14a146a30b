import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  chmodSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ResultsFile } from './results.ts'

let dir: string
let path: string
const ours = async (): Promise<void> => {}

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'belay-results-')))
  path = join(dir, 'results.json')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('the results file', () => {
  it('is made empty and holds every result, by path in order', async () => {
    const results = new ResultsFile(path)
    await results.prepare()
    expect(readFileSync(path, 'utf8')).toBe('{}\n')
    await results.put('b', { x: [1, 'two'] }, ours)
    await results.put('a/10', null, ours)
    await results.put('2', 'text', ours)
    expect(readFileSync(path, 'utf8')).toBe(
      '{\n  "2": "text",\n  "a/10": null,\n  "b": {\n    "x": [\n      1,\n      "two"\n    ]\n  }\n}\n',
    )
    expect(readdirSync(dir)).toEqual(['results.json'])
  })

  it('keeps files whose names objects already have', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    const results = new ResultsFile(path)
    for (const name of names) await results.put(name, { of: name }, ours)
    const read = JSON.parse(readFileSync(path, 'utf8')) as object
    expect(Object.entries(read)).toEqual(names.toSorted().map((name) => [name, { of: name }]))
    const again = await new ResultsFile(path).read()
    expect([...again.keys()].sort()).toEqual(names.toSorted())
    expect(again.has('valueOf')).toBe(false)
  })

  it('puts results that are asked for at once one after the other', async () => {
    const results = new ResultsFile(path)
    const names = Array.from({ length: 40 }, (_, i) => `file-${i}`)
    await Promise.all(names.map((name) => results.put(name, name, ours)))
    expect([...(await new ResultsFile(path).read()).keys()].sort()).toEqual(names.toSorted())
  })

  it('keeps what others change meanwhile, also that they take the file away', async () => {
    const results = new ResultsFile(path)
    await results.put('a', 1, ours)
    writeFileSync(path, '{"a": 2, "theirs": true}')
    await results.put('b', 3, ours)
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 2, b: 3, theirs: true })
    rmSync(path)
    await results.put('c', 4, ours)
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ c: 4 })
  })

  it.each(['[]', '"text"', 'null', '3', '', '{"a": 1', 'nonsense'])(
    'refuses %j and leaves it as it is',
    async (text) => {
      writeFileSync(path, text)
      const results = new ResultsFile(path)
      await expect(results.read()).rejects.toMatchObject({ code: 'results_invalid', exit: 2 })
      await expect(results.prepare()).rejects.toMatchObject({ code: 'results_invalid' })
      await expect(results.put('a', 1, ours)).rejects.toMatchObject({ code: 'results_invalid' })
      expect(readFileSync(path, 'utf8')).toBe(text)
    },
  )

  it('writes nothing when it is not ours any more', async () => {
    const results = new ResultsFile(path)
    await results.put('a', 1, ours)
    const lost = new Error('taken over')
    await expect(results.put('b', 2, () => Promise.reject(lost))).rejects.toMatchObject({
      code: 'results_unwritable',
      cause: lost,
    })
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 1 })
    expect(readdirSync(dir)).toEqual(['results.json'])
  })

  it('takes away what an interrupted write left, and nothing else', async () => {
    for (const name of ['.results.json.belay-abc.tmp', '.results.json.other.tmp', '.other.json.belay-abc.tmp'])
      writeFileSync(join(dir, name), '{"half')
    await new ResultsFile(path).prepare()
    expect(readdirSync(dir).sort()).toEqual(['.other.json.belay-abc.tmp', '.results.json.other.tmp', 'results.json'])
  })

  it('keeps the mode of the file, and a link a link', async () => {
    writeFileSync(join(dir, 'real.json'), '{}')
    chmodSync(join(dir, 'real.json'), 0o600)
    symlinkSync('real.json', path)
    await new ResultsFile(path).put('a', 1, ours)
    expect(JSON.parse(readFileSync(join(dir, 'real.json'), 'utf8'))).toEqual({ a: 1 })
    expect(statSync(join(dir, 'real.json')).mode & 0o777).toBe(0o600)
  })
})
