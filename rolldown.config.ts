/**
 * Builds `dist/`: few files instead of many, since loading modules is most of what a short command costs. The small libraries
 * that every command needs are built in, with their licences beside them; the large ones are loaded when they are needed.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { defineConfig, type Plugin } from 'rolldown'

/** Programs of their own: what `programFile` of src/core/program-file.ts names. */
const PROGRAMS = ['cli/main', 'demo/agent', 'engine/tools/search/worker']

const BUILT_IN = new Set([
  '@anthropic-ai/sdk',
  '@earendil-works/pi-ai',
  '@earendil-works/pi-telemetry',
  'ajv',
  'commander',
  'fast-deep-equal',
  'fast-uri',
  'json-schema-traverse',
  'kysely',
  'openai',
  'partial-json',
  'require-from-string',
  'smol-toml',
  'typebox',
  'unbash',
  'yaml',
  'zod',
])

/** Lists of models: large, and each is wanted only with its provider. */
const LISTS = /^@earendil-works\/pi-ai\/providers\//

export default defineConfig({
  input: Object.fromEntries(PROGRAMS.map((name) => [name, `src/${name}.ts`])),
  platform: 'node',
  external: (id) => /^[^./]/.test(id) && (LISTS.test(id) || !BUILT_IN.has(packageOf(id))),
  // The first use of these globals loads a whole HTTP client, which a model call does not need (src/engine/model/http.ts).
  transform: {
    inject: {
      Headers: [resolve('src/engine/model/headers.ts'), 'Headers'],
      FormData: [resolve('src/engine/model/headers.ts'), 'FormData'],
    },
  },
  plugins: [licences()],
  // CommonJS: it loads in about half the time of ES modules, which resolve, link and evaluate in turns of their own.
  output: {
    dir: 'dist',
    format: 'cjs',
    cleanDir: true,
    entryFileNames: '[name].cjs',
    chunkFileNames: 'chunks/[name]-[hash].cjs',
  },
})

function packageOf(id: string): string {
  return id
    .split('/')
    .slice(0, id.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Writes the licences of every library that was built in. */
function licences(): Plugin {
  return {
    name: 'licences',
    generateBundle() {
      const folders = new Set<string>()
      for (const id of this.getModuleIds()) {
        const parts = id.split(`${sep}node_modules${sep}`)
        const inside = parts.pop()
        if (parts.length > 0 && inside) folders.add([...parts, packageOf(inside)].join(`${sep}node_modules${sep}`))
      }
      const texts = [...folders].sort().map((folder) => {
        const { name, version, license, author } = JSON.parse(
          readFileSync(join(folder, 'package.json'), 'utf8'),
        ) as Record<string, string>
        const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one))
        if (file === undefined && license !== 'MIT') throw new Error(`${name} has no licence file`)
        const text = file === undefined ? `Copyright (c) ${author}\n\n${MIT}` : readFileSync(join(folder, file), 'utf8')
        return `${name} ${version}\n\n${text.trim()}\n`
      })
      this.emitFile({
        type: 'asset',
        fileName: 'THIRD-PARTY-LICENCES.txt',
        source: texts.join(`\n${'-'.repeat(80)}\n\n`),
      })
    },
  }
}

/** For packages that say MIT and carry no text of it. */
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to
use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom
the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`
