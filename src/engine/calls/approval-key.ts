import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crypto, randomBytes } from '../../core/crypto.ts'
import type { Tool, ToolContext } from '../port.ts'

const FILE = 'approvals.key'
const LENGTH = 32

/** Used when the store cannot be written: approvals then hold until the process ends. */
const UNKEPT = randomBytes(LENGTH)

/**
 * Identifies a call that a person has allowed for the rest of the conversation: the same tool, the same relevant input
 * (`Tool.same`), the same workspace. The HMAC key is kept in the conversation's store and not in its history, so that the
 * history of an imported session allows nothing here.
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
    return kept.length === LENGTH ? kept : UNKEPT // cut off by a crash: the person is asked again
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
