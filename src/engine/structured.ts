import type { ValidateFunction } from 'ajv/dist/2020.js'
import { messageOf } from '../core/errors.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

export type Checked =
  | { readonly ok: true; readonly output: unknown }
  /** `output`: what was there although it does not fit; null when there was no JSON. */
  | { readonly ok: false; readonly problem: string; readonly output: unknown }

/** Checks final answers against a schema. Rejects when the schema itself is none. */
export async function answerChecker(schema: JsonSchema): Promise<(text: string) => Checked> {
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false, logger: false })
  const { $schema: _, ...plain } = schema
  const validate: ValidateFunction = ajv.compile(plain)
  return (text) => {
    const found = jsonIn(text)
    if ('problem' in found) return { ok: false, problem: found.problem, output: null }
    if (validate(found.value)) return { ok: true, output: found.value }
    const problems = (validate.errors ?? []).slice(0, 20).map(({ instancePath, message, params }) => {
      const extra = 'additionalProperty' in params ? ` (${String(params.additionalProperty)})` : ''
      return `- ${instancePath === '' ? '(the whole answer)' : instancePath}: ${message ?? 'is wrong'}${extra}`
    })
    return { ok: false, problem: `The answer does not fit the schema:\n${problems.join('\n')}`, output: found.value }
  }
}

/** The JSON of an answer: the text itself, or one fenced block in it. */
function jsonIn(text: string): { readonly value: unknown } | { readonly problem: string } {
  const fenced = [...text.matchAll(/```(?:json)?[^\S\n]*\n([\s\S]*?)\n?```/g)].map((match) => match[1] ?? '')
  let problem = ''
  for (const candidate of [text, ...fenced.toReversed()]) {
    try {
      return { value: JSON.parse(candidate) }
    } catch (error) {
      problem ||= messageOf(error)
    }
  }
  return { problem: `The answer is no JSON (${problem}).` }
}

/** What the prompt says of the answer's form. */
export function schemaSection(schema: JsonSchema): string {
  return [
    '# Form of your final answer',
    'When you are done, answer with one JSON value that fits this JSON Schema, and nothing else: no prose, no code fence.',
    JSON.stringify(schema),
  ].join('\n')
}

/** What is said to the model when its answer does not fit. */
export function reask(problem: string): string {
  return `${problem}\nAnswer again with only the JSON value that fits the schema.`
}
