import { start } from './0001-start.ts'

/** SQL of every version, in order; version n is at index n - 1. Landed entries are never edited: add the next one. */
export const MIGRATIONS: readonly string[] = [start]
