import { BelayError, knownFailure, messageOf, type ErrorShape } from '../core/errors.ts'
import { printable } from '../core/text.ts'
import type { Io } from './io.ts'

/** Prints an error (as JSON on stdout with `json`, else for people on stderr) and returns the exit status. */
export function printError(io: Io, thrown: unknown, json: boolean): number {
  const error = knownFailure(thrown)
  const shape = shapeOf(error)
  if (json) io.out(JSON.stringify({ error: shape }))
  else {
    io.note(`belay: ${printable(shape.message)} [${shape.code}]`)
    if (shape.expected !== null) io.note(`  expected: ${printable(shape.expected)}`)
    if (shape.received !== null) io.note(`  received: ${printable(shape.received)}`)
    if (shape.next !== null) io.note(`  next:     ${printable(shape.next)}`)
    if (!(error instanceof BelayError) && error instanceof Error) io.note(error.stack ?? '')
  }
  return error instanceof BelayError ? error.exit : 1
}

function shapeOf(error: unknown): ErrorShape {
  if (error instanceof BelayError) return error.shape()
  const next = 'this is a fault of Belay: please report it with this message'
  return { code: 'internal', message: messageOf(error), expected: null, received: null, next }
}
