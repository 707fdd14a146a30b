/**
 * The reporter that node:test loads through NODE_OPTIONS (Node 20 and later, so plain JavaScript). It prints what Node would
 * have printed without it, and writes one JSON line per finished test to its own file. The last line says that the run ended by
 * itself. A process inside another runner (a test that runs tests) is not counted.
 */
export const NODE_TEST_REPORTER = `import { openSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import * as reporters from 'node:test/reporters'

const outer = process.env.BELAY_GATE_RUNNER
const counted = outer === undefined || outer === String(process.pid)
if (counted) process.env.BELAY_GATE_RUNNER = String(process.pid)
const name = 'node-test-' + process.pid + '-' + Math.random().toString(36).slice(2) + '.ndjson'
const fd = counted ? openSync(join(dirname(fileURLToPath(import.meta.url)), name), 'a') : -1
const put = (value) => { if (fd >= 0) writeSync(fd, JSON.stringify(value) + '\\n') }
put({ begin: process.argv.slice(1, 2), cwd: process.cwd() })

async function* tee(source) {
  const names = []
  for await (const event of source) {
    const d = event.data ?? {}
    if (event.type === 'test:start') { names.length = d.nesting; names[d.nesting] = d.name }
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      const path = names.slice(0, d.nesting)
      put({
        ok: event.type === 'test:pass', name: [...path, d.name], file: d.entryFile ?? d.file ?? null,
        suite: d.details?.type === 'suite', skip: d.skip !== undefined && d.skip !== false,
        todo: d.todo !== undefined && d.todo !== false, why: d.details?.error?.failureType ?? null,
      })
    }
    yield event
  }
  put({ end: true })
}

// Someone's own reporter writes to stdout already.
const quiet = process.execArgv.some((flag) => flag.startsWith('--test-reporter'))
const major = Number(process.versions.node.split('.')[0])

export default async function* belay(source) {
  if (quiet) { for await (const event of tee(source)) void event }
  else if (major < 23 && !process.stdout.isTTY) yield* reporters.tap(tee(source))
  else for await (const text of Readable.from(tee(source)).pipe(new reporters.spec())) yield text
}
`
