import { BelayError, messageOf } from '../../core/errors.ts'

export interface Document {
  /** The YAML between the `---` lines; an empty object if there is none. */
  readonly data: Readonly<Record<string, unknown>>
  readonly body: string
}

/**
 * Parses text that may begin with YAML between `---` lines. Throws `frontmatter_invalid` if it is not a YAML mapping or not
 * closed.
 */
export async function readFrontmatter(text: string, path: string): Promise<Document> {
  const plain = text.replace(/^\uFEFF/, '')
  const begin = /^---[ \t]*\r?\n/.exec(plain)
  if (!begin) return { data: {}, body: plain.trim() }
  const rest = plain.slice(begin[0].length)
  const end = /^---[ \t]*(?:\r?\n|$)/m.exec(rest)
  if (!end) throw invalid(path, 'its frontmatter has no end', 'a line --- after the keys')
  const { parse } = await import('yaml')
  let data: unknown
  try {
    data = parse(rest.slice(0, end.index), { maxAliasCount: 10, merge: true }) ?? {}
  } catch (error) {
    throw invalid(path, `its frontmatter is no YAML: ${messageOf(error)}`, 'KEY: VALUE lines')
  }
  if (typeof data !== 'object' || Array.isArray(data))
    throw invalid(path, 'its frontmatter has no keys', 'KEY: VALUE lines')
  return { data: data as Record<string, unknown>, body: rest.slice(end.index + end[0].length).trim() }
}

function invalid(path: string, why: string, expected: string): BelayError {
  return new BelayError('frontmatter_invalid', `${path}: ${why}`, { expected })
}
