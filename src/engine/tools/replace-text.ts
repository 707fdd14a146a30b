export interface Replaced {
  readonly bytes: Buffer
  readonly count: number
}

/**
 * Replaces `old` by `text` in `content`, or returns a sentence that says why it cannot. Works on bytes, so that invalid UTF-8
 * stays as it is. In a file with CR LF line ends, LF in `old` and `text` stands for CR LF.
 */
export function replaceText(content: Buffer, old: string, text: string, all: boolean): Replaced | string {
  if (old === '') return 'old_string is empty'
  if (old === text) return 'old_string and new_string are the same'
  const asGiven = placesOf(content, Buffer.from(old))
  const windows = asGiven.length === 0 || isWindows(content)
  const [from, to] = windows && !old.includes('\r') ? [crlf(old), crlf(text)] : [old, text]
  if (from === to) return 'old_string and new_string differ only in line ends, which stay as they are'
  const places = from === old ? asGiven : placesOf(content, Buffer.from(from))
  if (places.length === 0) return `old_string is not in the file${hint(content, old)}`
  if (places.length > 1 && !all) {
    const where = places.slice(0, 5).map((at) => lineAt(content, at))
    return `old_string is there ${places.length} times (lines ${where.join(', ')}${places.length > 5 ? ', ...' : ''}): take more lines around it, or set replace_all`
  }
  const length = Buffer.byteLength(from)
  const parts: Buffer[] = []
  let at = 0
  for (const place of places) {
    parts.push(content.subarray(at, place), Buffer.from(to))
    at = place + length
  }
  parts.push(content.subarray(at))
  return { bytes: Buffer.concat(parts), count: places.length }
}

function placesOf(content: Buffer, wanted: Buffer): number[] {
  const places: number[] = []
  for (let at = content.indexOf(wanted); at !== -1; at = content.indexOf(wanted, at + wanted.length)) places.push(at)
  return places
}

/** Whether every line ends in CR LF. */
function isWindows(content: Buffer): boolean {
  let at = content.indexOf(10)
  if (at === -1) return false
  for (; at !== -1; at = content.indexOf(10, at + 1)) if (content[at - 1] !== 13) return false
  return true
}

function crlf(text: string): string {
  return text.replaceAll(/\r?\n/g, '\r\n')
}

function lineAt(content: Buffer, place: number): number {
  let line = 1
  for (let at = content.indexOf(10); at !== -1 && at < place; at = content.indexOf(10, at + 1)) line += 1
  return line
}

/** A guess at the model's most frequent mistakes. */
function hint(content: Buffer, old: string): string {
  const squeeze = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()
  if (/^ *\d+\t/m.test(old)) return ': leave out the line numbers that read puts before the lines'
  if (squeeze(content.toString('utf8')).includes(squeeze(old))) return ': its white space is different'
  return ': read the file again'
}
