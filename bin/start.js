import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'

// Compiled code is kept between starts: most commands are over in less time than parsing takes.
enableCompileCache()

// The checkout runs its sources; the published package has only the built JavaScript.
const source = new URL('../src/cli/main.ts', import.meta.url)
const built = new URL('../dist/cli/main.js', import.meta.url)
const { main } = await import((existsSync(source) ? source : built).href)
process.exitCode = await main(process.argv.slice(2))
