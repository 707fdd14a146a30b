/** Reads codex's own files about a conversation, for adapters that do not talk to codex directly. */
import { closeSync, fstatSync, openSync, readSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Usage } from '../../core/words.ts'
import { asAmount, asFrame, jsonOrNull, type Frame } from '../stdio/index.ts'
import { codexHome } from './probe.ts'

/** Counts are written after every answer of the model, so the last one is near the end. */
const END_BYTES = 4 << 20

/** Tokens that a conversation has used so far, from its file; null: the file has no counts. Never throws. */
export function tokensOf(session: string, env: Readonly<Record<string, string>>): Usage | null {
  const file = fileOf(session, join(codexHome(env), 'sessions'))
  const line = file === null ? undefined : endOf(file).findLast((one) => one.includes('"token_count"'))
  const { info } = asFrame(asFrame(jsonOrNull(line ?? '')).payload)
  const total = asFrame(asFrame(info).total_token_usage)
  return line === undefined || Object.keys(total).length === 0 ? null : usageOf(total)
}

/** The usage added since `before`. A total that has shrunk was reset, and counts in full. */
export function since(before: Usage | null, after: Usage): Usage {
  const isAnew = before === null || after.inputTokens < before.inputTokens || after.outputTokens < before.outputTokens
  if (isAnew) return after
  return {
    inputTokens: after.inputTokens - before.inputTokens,
    outputTokens: after.outputTokens - before.outputTokens,
    costUsd: null,
    cacheReadTokens: Math.max(0, (after.cacheReadTokens ?? 0) - (before.cacheReadTokens ?? 0)),
  }
}

function usageOf(total: Frame): Usage {
  return {
    inputTokens: asAmount(total.input_tokens),
    outputTokens: asAmount(total.output_tokens),
    costUsd: null,
    cacheReadTokens: asAmount(total.cached_input_tokens),
  }
}

/** Finds `YEAR/MONTH/DAY/rollout-TIME-SESSION.jsonl`, the newest first. */
function fileOf(session: string, folder: string, depth = 0): string | null {
  if (!/^[\w-]+$/.test(session)) return null
  const names = namesIn(folder).toSorted().toReversed()
  if (depth === 3) {
    const name = names.find((one) => one.endsWith(`-${session}.jsonl`))
    return name === undefined ? null : join(folder, name)
  }
  for (const name of names) {
    const found = fileOf(session, join(folder, name), depth + 1)
    if (found !== null) return found
  }
  return null
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // nothing was written yet, or it is not a folder
  }
}

function endOf(file: string): string[] {
  try {
    const opened = openSync(file, 'r')
    try {
      const { size } = fstatSync(opened)
      const from = Math.max(0, size - END_BYTES)
      const bytes = Buffer.alloc(size - from)
      return bytes.toString('utf8', 0, readSync(opened, bytes, 0, bytes.length, from)).split('\n')
    } finally {
      closeSync(opened)
    }
  } catch {
    return [] // the file was removed meanwhile
  }
}
