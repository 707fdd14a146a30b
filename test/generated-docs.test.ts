import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { GENERATORS, committed } from '../scripts/generate-docs.ts'

describe('generated files', () => {
  it.each(GENERATORS.map(({ file, generate }) => [file, generate] as const))(
    '%s is what the generator gives (else: node scripts/generate-docs.ts)',
    async (file, generate) => {
      expect(committed(file)).toBe(await generate())
    },
  )
})

describe('the published JSON Schema', () => {
  const schema = JSON.parse(readFileSync(new URL('../schema/belay.schema.json', import.meta.url), 'utf8')) as object
  const valid = new Ajv2020({ strict: true, allowUnionTypes: true, strictTypes: false }).compile(schema)

  it.each([
    'task: {max_iterations: 3}\nverify: {commands: [npm test, {run: [a, b], timeout: 1h30m, min_tests: 2}]}',
    'workflow: {roles: {implementer: {provider: command, command: [./a], env: {A: b, C: null}}}}',
    '{}',
  ])('accepts %s', (text) => expect(valid(parse(text))).toBe(true))

  it.each([
    'task: {max_iteration: 3}',
    'task: {max_iterations: 21}',
    'verify: {commands: [{timeout: 1m}]}',
    'verify: {commands: [{run: x, timeout: 600}]}',
    'budget: {wall: "60"}',
    'workflow: {roles: {implementer: {env: {A-B: c}}}}',
  ])('refuses %s', (text) => expect(valid(parse(text))).toBe(false))
})
