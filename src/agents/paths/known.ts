/** Programs whose places are known, also when a user names them as a program of their own (`acp`, `command`). */
import { geminiPaths } from '../acp/gemini-paths.ts'
import { claudePaths } from '../claude/probe.ts'
import { codexPaths } from '../codex/probe.ts'
import { opencodePaths } from '../opencode/paths.ts'
import { piPaths } from '../pi/paths.ts'
import type { OwnPaths } from '../port.ts'

type Places = (env: Readonly<Record<string, string>>) => OwnPaths

/** By the names of programs, and of the packages that a runner such as npx is given. */
const KNOWN: ReadonlyMap<string, Places> = new Map([
  ...['claude', 'claude-code', 'claude-agent-acp', 'claude-code-acp'].map((name) => [name, claudePaths] as const),
  ...['codex', 'codex-acp'].map((name) => [name, codexPaths] as const),
  ...['gemini', 'gemini-cli'].map((name) => [name, geminiPaths] as const),
  ...['opencode', 'opencode-ai'].map((name) => [name, opencodePaths] as const),
  ...['pi', 'pi-coding-agent', 'pi-acp'].map((name) => [name, piPaths] as const),
])

/** What the program of that name has outside of the workspace; null when it is none of those that are known. */
export function knownPaths(name: string, env: Readonly<Record<string, string>>): OwnPaths | null {
  return KNOWN.get(name)?.(env) ?? null
}
