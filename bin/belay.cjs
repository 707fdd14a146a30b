#!/usr/bin/env node
// Only syntax that Node 12 can parse: an old Node is to say what to install, not to stumble over a token.
var major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  process.stderr.write(
    'belay: this is Node.js ' +
      process.versions.node +
      ' (' +
      process.execPath +
      '), and Belay needs 24 or newer.\n' +
      '  next:     install it from https://nodejs.org, or: npm install -g node@26\n',
  )
  process.exit(2)
}

// The first releases of Node 24 warn of node:sqlite on every start, of which a user can do nothing.
var emitWarning = process.emitWarning
process.emitWarning = function (warning, type) {
  var isSqlite = type === 'ExperimentalWarning' && String(warning).indexOf('SQLite') === 0
  if (!isSqlite) emitWarning.apply(process, arguments)
}

// Compiled code is kept between starts: most commands are over in less time than parsing takes.
require('module').enableCompileCache()

async function start() {
  // The checkout runs its sources; the published package has only what is built of them.
  var isCheckout = require('fs').existsSync(require('path').join(__dirname, '../src/cli/main.ts'))
  var belay = isCheckout ? await import('../src/cli/main.ts') : require('../dist/cli/main.cjs')
  process.exitCode = await belay.main(process.argv.slice(2))
}

start().catch(function (error) {
  process.stderr.write((error && error.stack ? error.stack : error) + '\n')
  process.exitCode = 1
})
