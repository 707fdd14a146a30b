import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BelayError } from '../../core/errors.ts'
import { loadBatchConfig, questionOf } from './config.ts'
import { parseSize } from './size.ts'

let dir: string

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'belay-batch-config-')))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const MINIMUM = 'provider: claude\nprompt: Sum up\nschema: {type: object}\n'

function load(text: string, name = 'b.yaml') {
  writeFileSync(join(dir, name), text)
  return loadBatchConfig(dir, name)
}

async function problem(text: string, name?: string): Promise<BelayError> {
  const error: unknown = await load(text, name).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error instanceof BelayError) return error
  throw new Error(`no problem with ${text}`)
}

describe('a batch file', () => {
  it('has defaults for all but agent, prompt and schema', async () => {
    expect(await load(MINIMUM)).toEqual({
      file: join(dir, 'b.yaml'),
      root: dir,
      results: join(dir, 'results.json'),
      role: {
        provider: 'claude',
        model: null,
        effort: null,
        timeoutMs: 3_600_000,
        stallMs: 600_000,
        access: 'read-only',
        env: {},
        command: null,
        failover: [],
        sandbox: null,
      },
      prompt: 'Sum up',
      schema: { type: 'object' },
      glob: ['**/*'],
      exclude: [],
      includeIgnored: false,
      maxAttempts: 3,
      maxFileSize: 262_144,
      notify: { command: null },
      concurrency: 1,
      budget: { usd: null, tokens: null, wallMs: null, unknownCost: 'refuse' },
    })
  })

  it('wires every key', async () => {
    const config = await load(`provider: command
command: [./agent, ./data.json, --flag, word]
prompt: p
schema: {type: object}
glob: [src, '*.md']
exclude: x
include_ignored: true
results: out.json
model: m
timeout: 5m
stall: 30s
env: {A: b, C: null}
failover: [codex, {provider: command, command: [./other, ./data.json]}]
max_attempts: 7
max_file_size: 2KB
concurrency: 4
budget: {usd: 1.5, tokens: 10, wall: 1h, unknown_cost: allow}
`)
    expect(config).toMatchObject({
      results: join(dir, 'out.json'),
      role: {
        provider: 'command',
        command: [join(dir, 'agent'), join(dir, 'data.json'), '--flag', 'word'],
        model: 'm',
        timeoutMs: 300_000,
        stallMs: 30_000,
        env: { A: 'b', C: null },
        failover: [
          { provider: 'codex', model: null, effort: null, command: null },
          { provider: 'command', model: null, effort: null, command: [join(dir, 'other'), join(dir, 'data.json')] },
        ],
      },
      glob: ['src', '*.md'],
      exclude: ['x'],
      includeIgnored: true,
      maxAttempts: 7,
      maxFileSize: 2000,
      concurrency: 4,
      budget: { usd: 1.5, tokens: 10, wallMs: 3_600_000, unknownCost: 'allow' },
    })
  })

  it('may be TOML', async () => {
    const config = await load(
      'provider = "codex"\nprompt = "p"\neffort = "high"\n[schema]\ntype = "object"\n',
      'b.toml',
    )
    expect(config).toMatchObject({ role: { provider: 'codex', effort: 'high' }, schema: { type: 'object' } })
  })

  it.each([
    ['maxatempts: 3', 'b.yaml:4', 'did you mean max_attempts?'],
    ['maxRetries: 3', 'b.yaml:4', 'unknown key'],
    ['include_ignored: yes please', 'include_ignored', 'true or false'],
    ['budget: {usdd: 1}', 'budget.usdd', 'did you mean budget.usd?'],
    ['glob: ../other/*', 'glob', 'leaves the folder'],
    ['glob: []', 'glob', 'at least one pattern'],
    ['exclude: ["!a"]', 'exclude', 'without "!"'],
    ['max_attempts: 0', 'max_attempts', '1 to 20'],
    ['max_file_size: lots', 'max_file_size', '"1MiB"'],
    ['results: ../x.json', 'results', 'without a folder'],
    ['results: b.yaml', 'results', 'another name'],
    ['timeout: 600', 'timeout', 'a duration'],
    ['effort: huge', 'effort', 'one of low'],
    ['command: run it', 'command', 'a list of arguments'],
    ['access: full', 'access', 'unknown key'],
    ['failover: [{provider: acp}]', 'failover[0].command', 'a command'],
    ['constructor: 1', 'constructor', 'unknown key'],
  ])('refuses %s, naming the key', async (line, key, words) => {
    const error = await problem(`${MINIMUM}${line}\n`)
    expect(error).toMatchObject({ code: 'config_invalid', exit: 2 })
    expect(error.message).toContain(key)
    expect(error.message).toContain(words)
    expect(error.next).toContain('docs/reference/batch.md')
  })

  it('reports all problems at once', async () => {
    const error = await problem('promt: x\nschema: {type: objekt}\n')
    for (const words of ['promt', 'did you mean prompt?', 'provider', 'a valid JSON Schema'])
      expect(error.message).toContain(words)
  })

  it('takes any name inside the schema', async () => {
    const { schema } = await load(
      'provider: claude\nprompt: p\nschema:\n  type: object\n  properties:\n    constructor: {type: string}\n    __proto__: {type: string}\n',
    )
    expect(Object.keys(schema['properties'] as object)).toEqual(['constructor', '__proto__'])
  })

  it('says when there is no such file', async () => {
    await expect(loadBatchConfig(dir, 'none.yaml')).rejects.toMatchObject({ code: 'config_missing', exit: 2 })
  })

  it('knows when another question is asked', async () => {
    const first = await load(MINIMUM)
    expect(questionOf(await load(`${MINIMUM}concurrency: 2\n`))).toBe(questionOf(first))
    expect(questionOf(await load(MINIMUM.replace('Sum up', 'Judge')))).not.toBe(questionOf(first))
  })
})

it.each([
  [100, 100],
  ['100', null],
  ['10B', 10],
  ['1.5KB', 1500],
  ['1KiB', 1024],
  ['2 MiB', 2_097_152],
  ['0KB', null],
  ['2GiB', null],
  ['1 XB', null],
])('the size %j is %j bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))
