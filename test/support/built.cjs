// The built program, started as the published package starts it (bin/ would run the checkout's sources).
require('node:module').enableCompileCache()
const { main } = require('../../dist/cli/main.cjs')

async function start() {
  process.exitCode = await main(process.argv.slice(2))
}

void start()
