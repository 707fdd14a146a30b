import { start } from './0001-start.ts'
import { rounds } from './0002-rounds.ts'
import { appendOnly } from './0003-append-only.ts'
import { outages } from './0004-outages.ts'

/** The SQL of every version, in order; version n is at index n - 1. Released entries are never edited: append a new one. */
export const MIGRATIONS: readonly string[] = [start, rounds, appendOnly, outages]
