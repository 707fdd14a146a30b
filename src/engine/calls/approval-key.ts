import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crypto, randomBytes } from '../../core/crypto.ts'
import type { Tool, ToolContext } from '../port.ts'

const FILE = 'approvals.key'
const LENGTH = 32

/** For a store that cannot be written: what was allowed holds until the process ends. */
const UNKEPT = randomBytes(LENGTH)

/**
 * How a call that a person allowed for the rest of the conversation is known again: this tool, with the same of its input, in
 * this folder. The key to it lies in the conversation's store and not in the conversation, so that one from elsewhere (an
 * imported session) allows nothing.
 */
export function approvalKey(tool: Tool, input: unknown, { workspace, store }: ToolContext): string {
  return crypto()
    .createHmac('sha256', keyIn(store))
    .update(JSON.stringify([tool.name, workspace, tool.same?.(input) ?? input]))
    .digest('hex')
}

function keyIn(store: string): Uint8Array {
  const file = join(store, FILE)
  try {
    const kept = readFileSync(file)
    return kept.length === LENGTH ? kept : UNKEPT // cut off by a crash: what was allowed is asked again
  } catch {
    const made = randomBytes(LENGTH)
    try {
      writeFileSync(file, made, { mode: 0o600, flag: 'wx' })
      return made
    } catch {
      return UNKEPT
    }
  }
}
