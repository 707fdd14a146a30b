// Loaded with `node --import` in front of the built program: counts the calls of its ports to the world and ends the process
// with SIGKILL at one of them. The product has no such hooks; here Node's own modules are wrapped before it loads them.
//
// KILL_AT=<port>:<n>:<when>  port: record | git | process | files; n from 1; when: before | after the n-th call.
// KILL_GROUP=1               the whole process group goes, git children too (as when a terminal or a machine dies).
// KILL_COUNT=<file>          counts are written there at exit and before the kill, as JSON.
import childProcess from 'node:child_process'
import fs from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import sqlite from 'node:sqlite'

const [wantedPort, wantedNumber, wantedWhen] = (process.env.KILL_AT ?? '').split(':')
const countFile = process.env.KILL_COUNT
const pid = process.env.KILL_GROUP === '1' ? -process.pid : process.pid
const counts = { record: 0, git: 0, process: 0, files: 0 }
// Children are Belay's own business from here on; their environment is passed on without ours.
for (const name of ['KILL_AT', 'KILL_COUNT', 'KILL_GROUP']) delete process.env[name]

const { writeFileSync } = fs

function die() {
  if (countFile) writeFileSync(countFile, JSON.stringify(counts))
  process.kill(pid, 'SIGKILL')
  // SIGKILL to oneself is delivered before the call returns; to a group, this process may go on for an instant.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
}

/** Whether the call that begins now is the one; kills when it is to die before it. */
function begins(port) {
  counts[port] += 1
  const isIt = port === wantedPort && counts[port] === Number(wantedNumber)
  if (isIt && wantedWhen === 'before') die()
  return isIt
}

function wrapSync(object, name, portOf) {
  const original = object[name]
  object[name] = function wrapped(...args) {
    const port = portOf.call(this, args)
    const isIt = port !== null && begins(port)
    const result = original.apply(this, args)
    if (isIt) die()
    return result
  }
}

function wrapAsync(object, name, port) {
  const original = object[name]
  object[name] = async function wrapped(...args) {
    const isIt = begins(port)
    const result = await original.apply(this, args)
    if (isIt) die()
    return result
  }
}

// Record: what ends a transaction is what makes it last; statements outside of any are made durable one by one.
const ENDS = /^\s*(commit|begin|pragma|create)/i
const prepared = new WeakMap()
const prepare = sqlite.DatabaseSync.prototype.prepare
sqlite.DatabaseSync.prototype.prepare = function wrapped(sql, ...rest) {
  const statement = prepare.call(this, sql, ...rest)
  prepared.set(statement, sql)
  return statement
}
const everyStatement = process.env.KILL_EVERY_STATEMENT === '1'
const recordPort = (sql) => (everyStatement || ENDS.test(sql) ? 'record' : null)
for (const name of ['run', 'all', 'get']) {
  wrapSync(sqlite.StatementSync.prototype, name, function port() {
    return recordPort(prepared.get(this) ?? '')
  })
}
wrapSync(sqlite.DatabaseSync.prototype, 'exec', ([sql]) => recordPort(sql))

// Git and processes. "After" is after the start: what they do meanwhile is what the outside timer hits. A git that stays is
// asked through its input: each question is a call too.
wrapSync(childProcess, 'spawn', ([file]) => (file === 'git' ? 'git' : 'process'))
const spawn = childProcess.spawn
childProcess.spawn = function wrapped(file, ...rest) {
  const child = spawn.call(this, file, ...rest)
  if (file === 'git' && child.stdin) wrapSync(child.stdin, 'write', () => 'git')
  return child
}
wrapSync(childProcess, 'execFileSync', ([file]) => (file === 'git' ? 'git' : 'process'))

// Files: only what changes something.
const CHANGES = [
  'appendFile',
  'copyFile',
  'cp',
  'link',
  'mkdir',
  'rename',
  'rm',
  'rmdir',
  'symlink',
  'unlink',
  'writeFile',
]
for (const name of CHANGES) wrapAsync(promises, name, 'files')
for (const name of CHANGES) wrapSync(fs, `${name}Sync`, () => 'files')
syncBuiltinESMExports()

if (countFile) process.on('exit', () => writeFileSync(countFile, JSON.stringify(counts)))
