/** Programs whose folders are known, even if the user names them as their own program (`acp`, `command`). */
import { geminiPaths } from '../acp/gemini-paths.ts'
import { claudePaths } from '../claude/probe.ts'
import { codexPaths } from '../codex/probe.ts'
import { opencodePaths } from '../opencode/paths.ts'
import { piPaths } from '../pi/paths.ts'
import type { OwnPaths } from '../port.ts'

type Places = (env: Readonly<Record<string, string>>) => OwnPaths

/** By names of programs, and of the packages that runners such as npx get. */
const KNOWN: ReadonlyMap<string, Places> = new Map([
  ...['claude', 'claude-code', 'claude-agent-acp', 'claude-code-acp'].map((name) => [name, claudePaths] as const),
  ...['codex', 'codex-acp'].map((name) => [name, codexPaths] as const),
  ...['gemini', 'gemini-cli'].map((name) => [name, geminiPaths] as const),
  ...['opencode', 'opencode-ai'].map((name) => [name, opencodePaths] as const),
  ...['pi', 'pi-coding-agent', 'pi-acp'].map((name) => [name, piPaths] as const),
])

/** What the program of that name uses outside the workspace; null: the program is not known. */
export function knownPaths(name: string, env: Readonly<Record<string, string>>): OwnPaths | null {
  return KNOWN.get(name)?.(env) ?? null
}
