/** A verdict of the command policy, for programs. */
import { printable } from '../../core/text.ts'
import type { CommandQuestion, Decision, Verdict } from '../../policy/index.ts'

export function verdictView(question: CommandQuestion, verdict: Verdict): object {
  const { command, cwd, workspace, access, confined } = question
  return {
    decision: verdict.decision,
    reason: verdict.reason,
    command,
    cwd,
    workspace,
    access,
    confined,
    findings: verdict.findings.map(({ decision, rule, part, reason }) => ({ decision, rule, part, reason })),
  }
}

/** The decision, then each part of the command with its own. The command is untrusted. */
export function verdictLines(verdict: Verdict): string[] {
  return [
    `${verdict.decision}: ${oneLine(verdict.reason)}`,
    ...verdict.findings.map(
      ({ decision, rule, part, reason }) => `  ${decision.padEnd(5)}  ${oneLine(part)}  [${rule}] ${oneLine(reason)}`,
    ),
  ]
}

interface RuleView {
  readonly id: string
  readonly decision: Decision
  readonly rule: string
  readonly reason: string
}

export function ruleLines(rules: readonly RuleView[], strict: boolean): string[] {
  const width = Math.max(...rules.map(({ rule }) => rule.length))
  const last = strict ? 'deny   what no rule allows' : 'allow  what no rule names (see docs/policy.md)'
  return [
    ...rules.map(({ id, decision, rule }) => `${decision.padEnd(5)}  ${rule.padEnd(Math.min(width, 40))}  ${id}`),
    last,
  ]
}

function oneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, ' ').trim()
}
