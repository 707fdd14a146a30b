/** Files that decide what "done" means: a task that changes one is pointed out to its reviewer. */
import type { GateSpec } from '../gates/port.ts'

/** Always protected: Belay's own files and what continuous integration reads. Patterns as for `path.matchesGlob`. */
export const ALWAYS_PROTECTED: readonly string[] = [
  'belay.yaml',
  'belay.toml',
  '.belay/**',
  '.github/workflows/**',
  '.github/actions/**',
  '.gitlab-ci.yml',
  '.gitlab/**',
  '.circleci/**',
  '.buildkite/**',
  '.woodpecker.yml',
  '.woodpecker/**',
  '.travis.yml',
  'azure-pipelines.yml',
  'bitbucket-pipelines.yml',
  'Jenkinsfile',
]

/** Programs whose commands are defined in a file of the repository. */
const DEFINED_IN: Readonly<Record<string, readonly string[]>> = {
  npm: ['package.json'],
  pnpm: ['package.json'],
  yarn: ['package.json'],
  bun: ['package.json'],
  make: ['Makefile', 'makefile', 'GNUmakefile'],
  just: ['justfile', 'Justfile'],
  composer: ['composer.json'],
  rake: ['Rakefile'],
  tox: ['tox.ini'],
}

const SCRIPT =
  /^[\w@.-]*(\/[\w@.-]+)*\.(sh|bash|zsh|js|cjs|mjs|ts|cts|mts|py|rb|pl|php|ps1)$|^(\.\/)?[\w@.-]+(\/[\w@.-]+)+$/

/** Patterns of the files that decide what `gates` do: what is always protected, the user's own, and the scripts that gates name. */
export function protectedPatterns(gates: readonly GateSpec[], own: readonly string[]): readonly string[] {
  return [...new Set([...ALWAYS_PROTECTED, ...own, ...gates.flatMap(scriptsOf)])]
}

/** Files of the repository that a gate's command names, as far as its words tell. */
function scriptsOf(gate: GateSpec): readonly string[] {
  const words = typeof gate.run === 'string' ? gate.run.split(/[\s;&|()<>"'`]+/) : gate.run
  const folder = gate.cwd === null ? '' : `${gate.cwd}/`
  return words.flatMap((word) => {
    const defined = Object.hasOwn(DEFINED_IN, word) ? (DEFINED_IN[word] ?? []) : []
    const script = SCRIPT.test(word) && !word.split('/').includes('..') ? [word.replace(/^\.\//, '')] : []
    return [...defined, ...script].map((file) => `${folder}${file}`)
  })
}
