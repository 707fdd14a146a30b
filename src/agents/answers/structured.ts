/** Structured answers for agents that enforce no schema: the prompt asks for one, and it is found in the answer's text. */
import { fence } from '../../core/text.ts'
import type { JsonSchema } from '../port.ts'

/** The prompt, followed by the answer's schema if there is one. */
export function promptWithSchema(prompt: string, schema: JsonSchema | null): string {
  if (schema === null) return prompt
  const rule = 'Answer with one JSON value only, without any other text, that keeps to this JSON Schema:'
  return `${prompt}\n\n${rule}\n${fence(JSON.stringify(schema), 'json')}`
}

/** The JSON value in an answer: the whole text, or else its last code fence; null: there is none. */
export function answerIn(text: string): unknown {
  const fenced = [...text.matchAll(/^```\w*\n([\s\S]*?)\n```$/gm)].at(-1)?.[1]
  return parse(text) ?? (fenced === undefined ? null : parse(fenced))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null // not JSON: the caller asks again
  }
}
