#!/usr/bin/env node
// Plain JavaScript that an old Node can parse, so that it can say what to install.
'use strict'
var major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error('belay needs Node.js 24 or newer; this is ' + process.version + ' (' + process.execPath + ').')
  console.error('Install one: https://nodejs.org, or: npm install -g node@26')
  process.exit(2)
}
import('./start.js').catch(function (error) {
  console.error(error)
  process.exit(1)
})
