/** Finds and reads configuration files. */
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { configHome } from '../core/home.ts'
import { parseText, type Format, type Parsed } from './parse.ts'
import { unreadable, type Problem } from './problems.ts'

/** Far more than any configuration needs, and too little to cost noticeable time or memory. */
const MAX_BYTES = 256 * 1024

export interface FoundFile extends Parsed {
  readonly file: string
}

export interface Place {
  readonly folder: string
  /** `belay` or `config`. */
  readonly stem: string
  /** What problems call a file with this name. */
  readonly called: (name: string) => string
}

/** Folder of the user's own `config.yaml` or `config.toml`: `belay` in the XDG configuration folder. */
export function userFolder(env: Readonly<Record<string, string | undefined>>): string {
  return configHome(env)
}

/**
 * Reads the configuration file in a place; `found` is null if there is none. Two files, or one with a name that is not read,
 * are problems.
 */
export async function findFile(place: Place): Promise<{ found: FoundFile | null; problems: readonly Problem[] }> {
  const [yaml, toml, yml] = [`${place.stem}.yaml`, `${place.stem}.toml`, `${place.stem}.yml`]
  const problems: Problem[] = []
  if (await exists(join(place.folder, yml))) {
    problems.push(unreadable(place.called(yml), `the name ${yaml} (this one is not read)`, yml))
  }
  const [hasYaml, hasToml] = [await exists(join(place.folder, yaml)), await exists(join(place.folder, toml))]
  if (hasYaml && hasToml) {
    problems.push(unreadable(place.called(yaml), `one file, ${yaml} or ${toml}`, 'both'))
    return { found: null, problems }
  }
  if (!hasYaml && !hasToml) return { found: null, problems }
  const name = hasYaml ? yaml : toml
  const file = join(place.folder, name)
  const parsed = await readConfigFile(file, hasYaml ? 'yaml' : 'toml', place.called(name))
  return { found: { ...parsed, file }, problems: [...problems, ...parsed.problems] }
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return false
    // Report a folder without access once only, for the .yaml name. Other errors are reported when the file is read.
    return code !== 'EACCES' || file.endsWith('.yaml')
  }
}

/** Reads one file; its errors are in `problems`. `name` is what problems call it. */
export async function readConfigFile(file: string, format: Format, name: string): Promise<Parsed> {
  const text = await readCapped(file)
  if (typeof text === 'string') return parseText(text, format, name)
  return {
    value: {},
    locate: () => name,
    locateExactly: () => name,
    problems: [unreadable(name, text.expected, text.received)],
  }
}

async function readCapped(file: string): Promise<string | { expected: string; received: string }> {
  try {
    // Checked before it is opened: opening a pipe would wait for its other end.
    const { size } = await regular(file)
    if (size > MAX_BYTES) return { expected: `a file of at most ${MAX_BYTES} bytes`, received: `${size} bytes` }
    await using handle = await open(file, 'r')
    const buffer = Buffer.alloc(MAX_BYTES + 1)
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    if (bytesRead > MAX_BYTES) return { expected: `a file of at most ${MAX_BYTES} bytes`, received: 'more' }
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, bytesRead))
  } catch (error) {
    return { expected: 'a readable UTF-8 text file', received: messageOf(error) }
  }
}

async function regular(file: string): Promise<{ size: number }> {
  const found = await stat(file)
  if (!found.isFile()) throw new Error('not a regular file')
  return found
}
