#!/usr/bin/env node
// A `command` agent that does what a scenario says (see scenario.ts). It logs every request that it was given.
import { execSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const [, , folder] = process.argv
const request = JSON.parse(readFileSync(0, 'utf8'))
const { role, task, attempt } = request
const scenario = JSON.parse(readFileSync(join(folder, 'scenario.json'), 'utf8'))
const log = join(folder, 'requests.jsonl')
const before = earlier()
appendFileSync(log, `${JSON.stringify(request)}\n`)

const turns = scenario[role]?.[task.handle] ?? scenario[role]?.['*'] ?? [{}]
// Implementers are counted by attempt (a crash repeats one), reviewers and re-asks by call.
const n = role === 'implementer' && !scenario.byCall ? attempt - 1 : before
const turn = turns[Math.min(n, turns.length - 1)] ?? {}

for (const [path, content] of Object.entries(turn.files ?? {})) {
  if (content === null) rmSync(path, { recursive: true, force: true })
  else {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
}
if (turn.sh) execSync(turn.sh, { shell: '/bin/bash', stdio: ['ignore', 'inherit', 'inherit'] })
for (const line of turn.lines ?? []) process.stdout.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
if (turn.usage) send({ type: 'usage', ...turn.usage })
if (turn.error) send({ type: 'error', ...turn.error })
if (turn.hang) setInterval(() => {}, 1 << 30)
else if (!turn.error && turn.answer !== null) send({ type: 'result', output: { ...defaults(), ...turn.answer } })
if (turn.exit !== undefined) process.exitCode = turn.exit

function send(frame) {
  process.stdout.write(`${JSON.stringify(frame)}\n`)
}

function defaults() {
  if (role === 'reviewer') {
    const criteria = scenario.criteria?.[task.handle] ?? [task.title]
    return {
      taskHandle: task.handle,
      summary: `reviewed ${task.handle}`,
      verdict: 'pass',
      overallRisk: 'low',
      findings: [],
      acceptanceChecks: criteria.map((criterion) => ({ criterion, note: 'looked', status: 'pass' })),
    }
  }
  return {
    taskHandle: task.handle,
    summary: `did ${task.handle}`,
    status: 'implemented',
    assumptions: [],
    notes: [],
    unresolvedItems: [],
    needsHumanAttention: false,
  }
}

function earlier() {
  try {
    const lines = readFileSync(log, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
    return lines.filter((one) => one.role === role && one.task.handle === task.handle).length
  } catch {
    return 0
  }
}
