/**
 * Builds `dist/`: few files instead of many, since loading modules is most of what a short command costs. The small libraries
 * that every command needs are built in, with their licences beside them; the large ones are loaded when they are needed.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { defineConfig, type Plugin } from 'rolldown'

/** Programs of their own: what `programFile` of src/core/program-file.ts names. */
const PROGRAMS = ['cli/main', 'demo/agent', 'engine/tools/search/worker']

const BUILT_IN = new Set(['commander', 'kysely', 'smol-toml', 'yaml', 'zod'])

export default defineConfig({
  input: Object.fromEntries(PROGRAMS.map((name) => [name, `src/${name}.ts`])),
  platform: 'node',
  external: (id) => /^[^./]/.test(id) && !BUILT_IN.has(packageOf(id)),
  plugins: [licences()],
  output: { dir: 'dist', format: 'esm', cleanDir: true, chunkFileNames: 'chunks/[name]-[hash].js' },
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
        const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
          string,
          string
        >
        const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one))
        if (file === undefined) throw new Error(`${name} has no licence file`)
        return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
      })
      this.emitFile({
        type: 'asset',
        fileName: 'THIRD-PARTY-LICENCES.txt',
        source: texts.join(`\n${'-'.repeat(80)}\n\n`),
      })
    },
  }
}
