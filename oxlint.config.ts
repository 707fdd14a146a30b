import { readdirSync, readFileSync } from 'node:fs'
import { defineConfig, type OxlintOverride } from 'oxlint'

/** Layers of src/, lowest first (docs/architecture.md draws them): a folder imports only folders of the layers below its own. */
const LAYERS: readonly (readonly string[])[] = [
  ['core'],
  ['process', 'policy'],
  ['git', 'sandbox'],
  ['gates', 'sources', 'record', 'engine', 'sessions'],
  ['agents', 'publish'],
  ['config', 'workspace'],
  ['kernel', 'setup', 'demo', 'exec', 'workflows'],
  ['programs'],
  ['scheduler'],
  ['runs'],
  ['cli'],
]

const root = new URL('./', import.meta.url)
const { devDependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  devDependencies: Readonly<Record<string, string>>
}

const placed = new Set(LAYERS.flat())
const homeless = readdirSync(new URL('src/', root)).filter((name) => !placed.has(name))
if (homeless.length > 0) throw new Error(`give ${homeless.join(', ')} a place in LAYERS of oxlint.config.ts`)

function words(names: readonly string[]): string {
  return names.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('|')
}

/** What the sources of `folder` (at `layer`) may not import. */
function forbidden(folder: string, layer: number) {
  const others = LAYERS.slice(layer)
    .flat()
    .filter((name) => name !== folder)
  return [
    { regex: `^(\\.\\./)+(test|bench|scripts)/`, message: 'What ships imports nothing from outside src/.' },
    { regex: `/testing/|\\.test\\.ts$`, message: 'What ships imports no test code.' },
    { regex: `^(${words(Object.keys(devDependencies))})(/|$)`, message: 'What ships needs no dev dependency.' },
    ...(others.length > 0
      ? [{ regex: `^(\\.\\./)+(${words(others)})/`, message: `${folder}/ is below that folder, or beside it.` }]
      : []),
    ...(folder === 'record'
      ? []
      : [{ regex: `/record/(tables|migrations|database)`, message: 'The tables are known to src/record only.' }]),
  ]
}

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'import', 'promise', 'node', 'oxc'],
  categories: { correctness: 'error', suspicious: 'error', perf: 'error' },
  options: { typeAware: true, reportUnusedDisableDirectives: 'error' },
  rules: {
    'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    'no-console': 'error',
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'no-await-in-loop': 'off', // one after the other is usually what is meant
    'unicorn/no-array-sort': 'off',
    'unicorn/no-array-reverse': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'oxc/no-map-spread': 'off', // copies are meant
    'typescript/unbound-method': 'off', // most objects are made by functions and know no `this`
    'typescript/consistent-return': 'off', // the compiler sees to it
    'typescript/no-unsafe-type-assertion': 'off', // where JSON and the record come in, a cast after the check is the way
  },
  overrides: [
    {
      files: ['**/*.test.ts', 'test/**'],
      rules: { 'max-lines': ['error', { max: 700, skipBlankLines: true, skipComments: true }] },
    },
    ...LAYERS.flatMap((folders, layer) =>
      folders.map((folder): OxlintOverride => ({
        files: [`src/${folder}/**/*.ts`, `src/${folder}/**/*.tsx`],
        excludeFiles: ['**/*.test.ts', '**/*.test.tsx', '**/testing/**'],
        rules: { 'no-restricted-imports': ['error', { patterns: forbidden(folder, layer) }] },
      })),
    ),
  ],
  ignorePatterns: ['dist', 'coverage', '**/*.gen.ts'],
})
