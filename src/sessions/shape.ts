/** Checks that a line of a session has the shape that its type promises: a session file may come from somebody else. */
import { isJsonObject, type JsonObject } from '../core/json.ts'

/** What readers rely on; other fields are kept unchanged. */
const SHAPES: Readonly<Record<string, (line: JsonObject) => boolean>> = {
  turn: ({ turn, prompt, agent, cwd }) =>
    isNumber(turn) &&
    isText(prompt) &&
    isText(cwd) &&
    isJsonObject(agent) &&
    isText(agent['provider']) &&
    isTextOrNull(agent['model']),
  turn_ended: ({ turn, status, finishReason, text, error, files, commits }) =>
    isNumber(turn) &&
    [status, finishReason, text].every(isText) &&
    isTextOrNull(error) &&
    isTexts(files) &&
    isTexts(commits),
  item: ({ turn, item }) => isNumber(turn) && isGiven(item),
  native: ({ provider, native, cwd }) => [provider, native, cwd].every(isText),
  approval: ({ turn, request }) => isNumber(turn) && isGiven(request),
  history: ({ entry }) => entry !== undefined,
}

/** Whether a line is a valid entry. Unknown types only need a time, because readers ignore them. */
export function isEntry(line: JsonObject): boolean {
  const { type, time } = line
  if (!isText(type) || !isText(time) || Number.isNaN(Date.parse(time))) return false
  return Object.hasOwn(SHAPES, type) ? (SHAPES[type]?.(line) ?? true) : true
}

/** What agents provide is kept unchanged, so it only must be there. */
function isGiven(value: unknown): boolean {
  return value !== null && value !== undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTextOrNull(value: unknown): boolean {
  return value === null || isText(value)
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText)
}

function isNumber(value: unknown): boolean {
  return Number.isSafeInteger(value)
}
