#!/usr/bin/env node
// A `command` agent for batches: it answers with the content that it was sent, or does what turns.json says for the file. It
// logs every request, and what it finds in its folder.
import { execSync } from 'node:child_process'
import { appendFileSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const [, , folder, files] = process.argv
const request = JSON.parse(readFileSync(0, 'utf8'))
const path = request.task.handle
const { turns, done } = JSON.parse(readFileSync(join(folder, 'turns.json'), 'utf8'))
const log = join(folder, 'requests.jsonl')
const before = earlier() - (Object.hasOwn(done, path) ? done[path] : 0)
appendFileSync(log, `${JSON.stringify(request)}\n`)
appendFileSync(join(folder, 'seen.jsonl'), `${JSON.stringify(readdirSync('.'))}\n`)

const own = Object.hasOwn(turns, path) ? turns[path] : (turns['*'] ?? [{}])
const turn = own[Math.min(before, own.length - 1)] ?? {}
if (turn.sh) execSync(turn.sh, { shell: '/bin/bash', env: { ...process.env, FILES: files }, stdio: 'ignore' })
send({ type: 'message', text: `thinking of ${path}` })
if (turn.usage) send({ type: 'usage', ...turn.usage })
if (turn.error) send({ type: 'error', ...turn.error })
if (turn.hang) setInterval(() => {}, 1 << 30)
else if (!turn.error && turn.answer !== null) send({ type: 'result', output: turn.answer ?? { summary: content() } })
if (turn.exit !== undefined) process.exitCode = turn.exit

function send(frame) {
  process.stdout.write(`${JSON.stringify(frame)}\n`)
}

/** What stands in the last code fence of the prompt's first asking. */
function content() {
  const [, fenced = ''] = /## Content of .*\n(`{3,})\n?([^]*)$/.exec(request.prompt) ?? []
  if (fenced === '') return ''
  const start = request.prompt.indexOf(`\n${fenced}\n`, request.prompt.indexOf('## Content of ')) + fenced.length + 2
  const text = request.prompt.slice(start, request.prompt.indexOf(`\n${fenced}\n`, start - 1))
  // A fence ends its content with a line feed; whether the file had one cannot be seen.
  return text
}

function earlier() {
  try {
    const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean)
    return lines.filter((line) => JSON.parse(line).task.handle === path).length
  } catch {
    return 0
  }
}
