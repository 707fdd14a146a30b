import { cap } from '../../core/text.ts'
import { isJsonObject } from '../../core/json.ts'
import type { Line } from '../../process/index.ts'
import type { Item, TurnEvent } from '../port.ts'

const RAW_FRAME = 64 << 10
const ITEM_TEXT = 64 << 10
const UNKNOWN_TEXT = 4 << 10

export type Frame = Readonly<Record<string, unknown>>

/** The JSON object in a line; null: the line is something else, or was cut. */
export function parseFrame(line: Line): Frame | null {
  if (line.dropped > 0) return null
  try {
    const value: unknown = JSON.parse(line.text)
    return isJsonObject(value) ? value : null
  } catch {
    return null // not a frame: the caller keeps the line unchanged
  }
}

/** A line as it was written, capped. */
export function rawEvent(line: Line): TurnEvent {
  return { type: 'raw', frame: cap(line.text, RAW_FRAME) }
}

/** An agent's text, capped to a size that can be stored and shown. */
export function capItemText(text: string): string {
  return cap(text, ITEM_TEXT)
}

export function itemEvent(item: Item): TurnEvent {
  return { type: 'item', item }
}

/** Keeps text that was not understood, as an item. */
export function unknownEvent(id: string, text: string): TurnEvent {
  return itemEvent({ id, kind: 'unknown', status: 'completed', text: cap(text, UNKNOWN_TEXT) })
}

export function asFrame(value: unknown): Frame {
  return isJsonObject(value) ? value : {}
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** A count or an amount that is finite and positive; anything else is 0. */
export function asAmount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
}

/** Parses `text` as JSON; null: it is not JSON. */
export function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null // plain text is a normal answer
  }
}
