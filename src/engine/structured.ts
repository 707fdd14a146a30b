import { messageOf } from '../core/errors.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

export type Checked =
  | { readonly ok: true; readonly output: unknown }
  /** `output`: the JSON that does not match; null: there was no JSON. */
  | { readonly ok: false; readonly problem: string; readonly output: unknown }

/** Describes what is wrong with a value, one entry per problem; empty: it matches. */
export type OutputCheck = (value: unknown) => readonly string[]

/** Parses a final answer and checks it. */
export function checkAnswer(text: string, check: OutputCheck): Checked {
  const found = jsonIn(text)
  if ('problem' in found) return { ok: false, problem: found.problem, output: null }
  const problems = check(found.value)
  if (problems.length === 0) return { ok: true, output: found.value }
  const list = problems.map((problem) => `- ${problem}`).join('\n')
  return { ok: false, problem: `The answer does not fit the schema:\n${list}`, output: found.value }
}

/** The JSON of an answer: the whole text, or else the last fenced block that is JSON. */
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

/** The part of the prompt about the answer's form. */
export function schemaSection(schema: JsonSchema): string {
  return [
    '# Form of your final answer',
    'When you are done, answer with one JSON value that fits this JSON Schema, and nothing else: no prose, no code fence.',
    JSON.stringify(schema),
  ].join('\n')
}

/** Asks the model again after an answer that does not match. */
export function reask(problem: string): string {
  return `${problem}\nAnswer again with only the JSON value that fits the schema.`
}
