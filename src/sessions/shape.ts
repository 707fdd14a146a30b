/** Whether a line of a session is what its type says: lines come from files, and a file may come from somebody else. */
import { isJsonObject, type JsonObject } from '../core/json.ts'

/** What readers rely on; whatever else a line has is kept as it is. */
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

/** Of a type that is not known, only its time is looked at: readers pass it over. */
export function isEntry(line: JsonObject): boolean {
  const { type, time } = line
  if (!isText(type) || !isText(time) || Number.isNaN(Date.parse(time))) return false
  return Object.hasOwn(SHAPES, type) ? (SHAPES[type]?.(line) ?? true) : true
}

/** What agents give is kept as it came. */
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
