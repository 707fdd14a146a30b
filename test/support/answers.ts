/** Answers of implementers and reviewers, as a run's prompts ask for them. */

/** A good answer of an implementer. */
export function implemented(taskHandle: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    taskHandle,
    summary: `did ${taskHandle}`,
    status: 'implemented',
    assumptions: [],
    notes: [],
    unresolvedItems: [],
    needsHumanAttention: false,
    ...more,
  }
}

/** A reviewer's answer that passes the task. */
export function passes(taskHandle: string, criterion: string): Record<string, unknown> {
  return {
    taskHandle,
    summary: 'good',
    verdict: 'pass',
    overallRisk: 'low',
    findings: [],
    acceptanceChecks: [{ criterion, note: 'seen', status: 'pass' }],
  }
}

/** A reviewer's answer that asks for rework, with one finding. */
export function reworks(taskHandle: string, criterion: string, issue: string, file: string): Record<string, unknown> {
  return {
    taskHandle,
    summary: 'not yet',
    verdict: 'rework',
    overallRisk: 'medium',
    findings: [{ severity: 'high', issue, fixHint: 'write it down', file, repeats: null }],
    acceptanceChecks: [{ criterion, note: 'missing', status: 'fail' }],
  }
}
