import { compileSchema } from '../../agents/answers/json-schema.ts'
import type { JsonSchema } from '../../agents/port.ts'
import type { Checked } from '../shared/ask.ts'

/** Expects an answer that fits the user's schema. */
export function expectation(schema: JsonSchema): {
  readonly schema: JsonSchema
  check(output: unknown): Checked<{ readonly output: unknown }>
} {
  const check = compileSchema(schema)
  return {
    schema,
    check(output) {
      if (output === undefined) return { problems: ['(answer): there was none'] }
      const problems = check(output)
      return problems.length === 0 ? { answer: { output } } : { problems }
    },
  }
}
