#!/usr/bin/env node
// A `command` agent for workflows: it does what turns.json says for the step (by state, or by handle), by call, and logs every
// request. It notes when it began and ended, so that a test can tell what ran beside what.
import { execSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const [, , folder] = process.argv
const request = JSON.parse(readFileSync(0, 'utf8'))
const { handle } = request.task
const state = handle.split('.').at(-1).replace(/@\d+$/, '')
const turns = JSON.parse(readFileSync(join(folder, 'turns.json'), 'utf8'))
const log = join(folder, 'requests.jsonl')
const before = earlier()
appendFileSync(log, `${JSON.stringify({ ...request, pid: process.pid })}\n`)
note('begin')

const own = turns[handle] ?? turns[state] ?? turns['*'] ?? [{}]
const turn = own[Math.min(before, own.length - 1)] ?? {}
for (const [path, content] of Object.entries(turn.files ?? {})) {
  if (content === null) rmSync(path, { recursive: true, force: true })
  else {
    mkdirSync(dirname(path) || '.', { recursive: true })
    writeFileSync(path, content)
  }
}
if (turn.sh)
  execSync(turn.sh, {
    shell: '/bin/bash',
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, AGENT_FOLDER: folder },
  })
// Waits until as many steps have begun: what cannot run beside others would never go on.
while (turn.meet && begun() < turn.meet) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
if (turn.usage) send({ type: 'usage', ...turn.usage })
send({ type: 'message', text: turn.text ?? `did ${handle}` })
if (turn.error) send({ type: 'error', ...turn.error })
if (turn.hang) setInterval(() => {}, 1 << 30)
else if (!turn.error && turn.answer !== null) send({ type: 'result', output: turn.answer ?? {} })
if (turn.exit !== undefined) process.exitCode = turn.exit
if (!turn.hang) note('end')

function send(frame) {
  process.stdout.write(`${JSON.stringify(frame)}\n`)
}

function note(what) {
  appendFileSync(join(folder, 'timeline.jsonl'), `${JSON.stringify({ what, handle })}\n`)
}

function begun() {
  const file = join(folder, 'timeline.jsonl')
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"begin"')).length
}

function earlier() {
  if (!existsSync(log)) return 0
  const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean)
  return lines.filter((line) => JSON.parse(line).task.handle === handle).length
}
