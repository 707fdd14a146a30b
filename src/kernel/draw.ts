import type { Program, Target } from './program.ts'

/** A program as text: what each phase does, and where its outcomes lead. */
export function drawProgram<S>(program: Program<S>): string {
  const lines = [`program ${program.name}, begins at ${program.entry}`]
  for (const [name, phase] of program.phases) {
    lines.push('', `${name}: ${phase.does}`)
    const width = Math.max(...Object.keys(phase.on).map((outcome) => outcome.length))
    for (const [outcome, target] of Object.entries(phase.on)) {
      lines.push(`  ${outcome.padEnd(width)} -> ${describe(target)}`)
    }
  }
  return lines.join('\n')
}

function describe(target: Target): string {
  if ('to' in target) return target.to
  return 'end' in target ? `[${target.end}]` : `(${target.pause}) then ${target.at}`
}

/** A program as a Mermaid state diagram. */
export function drawMermaid<S>(program: Program<S>): string {
  const lines = ['stateDiagram-v2', `  [*] --> ${program.entry}`]
  const ends = new Set<string>()
  for (const [name, phase] of program.phases) {
    for (const [outcome, target] of Object.entries(phase.on)) {
      if ('to' in target) lines.push(`  ${name} --> ${target.to}: ${outcome}`)
      else if ('end' in target) {
        lines.push(`  ${name} --> ${target.end}: ${outcome}`)
        ends.add(target.end)
      } else {
        lines.push(`  ${name} --> ${name}_${target.pause}: ${outcome}`, `  ${name}_${target.pause} --> ${target.at}`)
      }
    }
  }
  for (const end of ends) lines.push(`  ${end} --> [*]`)
  return [...new Set(lines)].join('\n')
}
