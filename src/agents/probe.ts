import { text } from 'node:stream/consumers'
import { randomId } from '../core/ids.ts'
import { head } from '../core/text.ts'
import { spawnKept } from '../process/index.ts'

const VERSION_MS = 15_000

/** The version that `argv --version` prints, or null when it prints none within 15 s. Never throws. */
export async function versionOf(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined
  try {
    const mark = `probe/${randomId(8)}`
    const kept = spawnKept({ argv: [...argv, '--version'], cwd: process.cwd(), env, stdin: 'none', mark })
    timer = setTimeout(() => void kept.end(), VERSION_MS)
    kept.stderr.resume()
    const [printed, exit] = await Promise.all([text(kept.stdout), kept.closed])
    return exit.code === 0 ? (/\d+\.\d+\.\d+\S*/.exec(head(printed, 1000))?.[0] ?? null) : null
  } catch {
    return null // it could not even be started: the hint says to try it
  } finally {
    clearTimeout(timer)
  }
}
