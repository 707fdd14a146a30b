/** Finds the real agent programs: pinned in test/agent-clis, installed with `npm ci --prefix test/agent-clis`. */
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { resolveProgram } from '../../src/process/index.ts'

/** `BELAY_AGENT_CLIS` names another folder of programs. */
export const CLIS =
  process.env['BELAY_AGENT_CLIS'] ?? fileURLToPath(new URL('../agent-clis/node_modules/.bin', import.meta.url))

/** The programs that are pinned there. */
export type CliName = 'claude' | 'codex' | 'gemini' | 'opencode' | 'pi' | 'claude-agent-acp' | 'codex-acp'

/** The real program; null if it is not installed. */
export function agentCli(name: CliName): string | null {
  return resolveProgram(name, '/', CLIS)
}

/** Why tests with this program cannot run here, or null. Not an excuse in CI: see `skipWithout`. */
export function cliMissing(name: CliName): string | null {
  if (agentCli(name) !== null) return null
  return `${name} is not installed (npm ci --prefix test/agent-clis, or set BELAY_AGENT_CLIS to a .bin folder)`
}

/**
 * Whether tests with these programs are skipped, which is reported on stderr. Never in CI, where a missing program is a
 * failure.
 */
export function skipWithout(what: string, names: readonly CliName[]): boolean {
  const missing = names.map(cliMissing).filter((why) => why !== null)
  if (missing.length === 0 || process.env['CI'] === 'true') return false
  process.stderr.write(`skipped: ${what}: ${missing.join('; ')}\n`)
  return true
}

/** PATH with the real programs in front. */
export function pathWithClis(): string {
  return [CLIS, process.env['PATH'] ?? '/usr/bin:/bin'].join(delimiter)
}
