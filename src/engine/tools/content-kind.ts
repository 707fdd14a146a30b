const MAGIC: readonly (readonly [string, string])[] = [
  ['\u0089PNG', 'an image (PNG)'],
  ['\u00ff\u00d8\u00ff', 'an image (JPEG)'],
  ['GIF8', 'an image (GIF)'],
  ['%PDF-', 'a PDF document'],
  ['PK\u0003\u0004', 'a ZIP archive'],
  ['\u001f\u008b', 'compressed with gzip'],
  ['\u007fELF', 'a program (ELF)'],
  ['SQLite format 3\u0000', 'an SQLite database'],
  ['\u00ff\u00fe', 'UTF-16 text (convert it with iconv to see it)'],
  ['\u00fe\u00ff', 'UTF-16 text (convert it with iconv to see it)'],
]

/** The kind of a file that begins with these bytes; null: text that can be shown. */
export function contentKind(begin: Uint8Array): string | null {
  const bytes = Buffer.from(begin).toString('latin1')
  const known = MAGIC.find(([magic]) => bytes.startsWith(magic))
  if (known) return known[1]
  if (bytes.startsWith('RIFF') && bytes.slice(8, 12) === 'WEBP') return 'an image (WebP)'
  return bytes.includes('\0') ? 'binary' : null
}
