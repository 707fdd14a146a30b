import { closeSync, openSync, readSync } from 'node:fs'

/** `node:crypto`, loaded on first use, because loading it takes a large part of a short command's run time. */
export function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto')
}

/** `count` random bytes (at most 256) from the kernel, without loading `node:crypto`. */
export function randomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count)
  const file = openSync('/dev/urandom', 'r')
  try {
    // Reads of up to 256 bytes are never partial.
    if (readSync(file, bytes) !== count) throw new Error('/dev/urandom gave too little')
  } finally {
    closeSync(file)
  }
  return bytes
}
