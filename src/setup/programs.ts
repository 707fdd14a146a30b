import type { GateSpec } from '../gates/port.ts'
import { resolveProgram } from '../process/index.ts'

/** What the shell does itself. */
const BUILTINS = new Set(
  'cd echo printf true false test exit export set unset if for while until case eval exec source trap ulimit umask command type read return shift time'.split(
    ' ',
  ),
)

/** Programs that commands begin with and that are not on PATH, each with the first gate that needs it. */
export function missingFrom(
  gates: readonly GateSpec[],
  root: string,
  path: string | undefined,
): { program: string; gate: string }[] {
  const needed = new Map<string, string>()
  for (const gate of gates) {
    const program = programOf(gate.run)
    if (program !== null && !needed.has(program)) needed.set(program, gate.name)
  }
  return [...needed]
    .filter(([program]) => resolveProgram(program, root, path) === null)
    .map(([program, gate]) => ({ program, gate }))
}

/** The program that a command begins with; null for paths, builtins and anything that is not a plain word. */
function programOf(run: string | readonly string[]): string | null {
  const words = typeof run === 'string' ? run.trim().split(/\s+/) : run
  const first = typeof run === 'string' ? words.find((word) => !/^[A-Za-z_]\w*=/.test(word)) : words[0]
  return first !== undefined && /^[\w.+-]+$/.test(first) && !BUILTINS.has(first) ? first : null
}
