import { compileSchema } from '../../agents/answers/json-schema.ts'
import type { JsonSchema } from '../../agents/port.ts'
import type { Expectation } from '../shared/ask.ts'

export interface Answer {
  readonly output: unknown
  /** What the agent said, for people and for later steps. */
  readonly text: string
}

/** What a step's agent must answer: output that fits the schema or, without a schema, text. */
export function answerOf(schema: JsonSchema | null): Expectation<Answer> {
  if (schema === null) return { schema: null, check: (_, text) => ({ answer: { output: { text }, text } }) }
  const check = compileSchema(schema)
  return {
    schema,
    check(output, text) {
      if (output === undefined || output === null) return { problems: ['(answer): there was none'] }
      const problems = check(output)
      return problems.length === 0 ? { answer: { output, text } } : { problems }
    },
  }
}
