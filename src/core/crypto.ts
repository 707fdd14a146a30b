import { closeSync, openSync, readSync } from 'node:fs'

/** `node:crypto`, when it is needed: loading it is a good part of what a short command takes. */
export function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto')
}

/** At most 256 random bytes, the kernel's, without loading `node:crypto`. */
export function randomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count)
  const file = openSync('/dev/urandom', 'r')
  try {
    // Up to 256 bytes come whole.
    if (readSync(file, bytes) !== count) throw new Error('/dev/urandom gave too little')
  } finally {
    closeSync(file)
  }
  return bytes
}
