/**
 * Loaded through NODE_OPTIONS (`--require`, Node 18 and later) by every node process of a gate. In the main process of a known
 * runner, it notes that the runner started and requests a machine-readable report in addition to the printed output, but only
 * in ways that add to the project's own settings. Elsewhere it does nothing. It must never break a program.
 *
 * - jest: `--json --outputFile` (reporters stay).
 * - vitest: `--reporter` replaces configured reporters, so it is used only if neither arguments nor configuration name any.
 * - mocha: a `--require` file that listens to the runner.
 * - node:test: see node-test.ts.
 */
export const PRELOAD = `'use strict'
try { start() } catch (error) { void error }

function start() {
  if (!require('worker_threads').isMainThread || process.env.BELAY_GATE_RUNNER !== undefined) return
  const fs = require('fs')
  const path = require('path')
  const main = process.argv[1] ? real(process.argv[1]) : ''
  const args = process.argv.slice(2)
  const id = process.pid + '-' + Math.random().toString(36).slice(2)
  const has = (...flags) => args.some((a) => flags.some((f) => a === f || a.startsWith(f + '=')))

  if (process.execArgv.includes('--test') && process.env.NODE_TEST_CONTEXT === undefined) note('node:test', null)
  else if (/[\\\\/]jest(-cli)?[\\\\/]bin[\\\\/]jest\\.js$/.test(main)) jest()
  else if (/[\\\\/]vitest[\\\\/](vitest\\.mjs|dist[\\\\/]cli\\.js)$/.test(main)) vitest()
  else if (/[\\\\/]mocha[\\\\/](bin[\\\\/]_?mocha(\\.js)?|lib[\\\\/]cli[\\\\/]cli\\.js)$/.test(main)) mocha()

  function real(file) {
    try { return fs.realpathSync(file) } catch { return file }
  }
  function note(runner, report) {
    process.env.BELAY_GATE_RUNNER = String(process.pid)
    fs.writeFileSync(path.join(__dirname, 'started-' + id + '.json'), JSON.stringify({ runner, report, cwd: process.cwd() }))
  }
  function ask(...flags) {
    process.argv.splice(2, 0, ...flags)
  }
  function jest() {
    if (has('--version', '-v', '--help', '-h', '--init', '--showConfig', '--listTests', '--clearCache', '--watch', '--watchAll')) return
    if (has('--json', '--outputFile')) return note('jest', null)
    const report = 'jest-' + id + '.json'
    note('jest', report)
    ask('--json', '--outputFile=' + path.join(__dirname, report))
  }
  function vitest() {
    if (has('--version', '-v', '--help', '-h') || ['list', 'bench', 'init', 'doctor'].includes(args[0])) return
    if (has('--reporter', '--reporters', '--outputFile', '--merge-reports', '--mergeReports') || configNamesReporters()) return note('vitest', null)
    const report = 'vitest-' + id + '.json'
    note('vitest', report)
    ask('--reporter=default', '--reporter=json', '--outputFile.json=' + path.join(__dirname, report))
    // The first word is the command: it must stay first.
    if (['run', 'watch', 'dev', 'related'].includes(args[0])) process.argv.splice(2, 4, args[0], ...process.argv.slice(2, 5))
  }
  function value(...flags) {
    for (let i = 0; i < args.length; i++) for (const f of flags) {
      if (args[i] === f) return args[i + 1]
      if (args[i].startsWith(f + '=')) return args[i].slice(f.length + 1)
    }
    return undefined
  }
  function configNamesReporters() {
    const root = path.resolve(value('--root', '-r') || '.')
    const named = value('--config', '-c')
    const files = named ? [path.resolve(root, named)] : fs.readdirSync(root).filter((f) => /^(vitest|vite)\\.(config|workspace)\\.[cm]?[jt]s$/.test(f)).map((f) => path.join(root, f))
    return files.some((f) => /\\b(reporters|outputFile)\\b/.test(fs.readFileSync(f, 'utf8')))
  }
  function mocha() {
    if (has('--version', '-V', '--help', '-h', '--dry-run', '--watch', '-w', '--list-files')) return
    const report = 'mocha-' + id + '.ndjson'
    note('mocha', report)
    globalThis[Symbol.for('belay.mocha')] = path.join(__dirname, report)
    ask('--require=' + path.join(__dirname, 'belay-mocha.cjs'))
  }
}
`

/** Mocha requires this before it loads the tests. Listens to the runner's events, whatever the reporter. */
export const MOCHA_LISTENER = `'use strict'
const report = globalThis[Symbol.for('belay.mocha')]
if (report) {
  const fs = require('fs')
  const put = (value) => fs.appendFileSync(report, JSON.stringify(value) + '\\n')
  const listen = (Runner) => {
    if (typeof Runner !== 'function') return
    const emit = Runner.prototype.emit
    Runner.prototype.emit = function (event, test, ...rest) {
      if (event === 'pass' || event === 'fail' || event === 'pending') {
        put({ status: event, name: test.titlePath ? test.titlePath() : [String(test.title)], file: test.file || null })
      }
      if (event === 'start') put({ begin: true })
      if (event === 'end') put({ end: true })
      return emit.call(this, event, test, ...rest)
    }
  }
  // A class (mocha up to 11) or a module with one (12).
  const runnerOf = (exported) => listen(typeof exported === 'function' ? exported : (exported.Runner ?? exported.default))
  for (const id of Object.keys(require.cache)) {
    if (/[\\\\/]mocha[\\\\/]lib[\\\\/]runner\\.[cm]?js$/.test(id)) runnerOf(require.cache[id].exports)
  }
}
`
