// The built program, started as the published package starts it (bin/ would run the checkout's sources).
import { enableCompileCache } from 'node:module'

enableCompileCache()
const { main } = await import('../../dist/cli/main.js')
process.exitCode = await main(process.argv.slice(2))
