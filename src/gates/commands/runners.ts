import { programName } from './words.ts'

/** Test runners that are known by name. `junit` stands for build tools that write JUnit XML. */
export const RUNNERS = [
  'node:test',
  'vitest',
  'jest',
  'mocha',
  'pytest',
  'unittest',
  'go',
  'cargo',
  'dotnet',
  'tap',
  'junit',
] as const
export type Runner = (typeof RUNNERS)[number]

const BY_PROGRAM: Readonly<Record<string, Runner>> = {
  vitest: 'vitest',
  'vitest.mjs': 'vitest',
  jest: 'jest',
  'jest.js': 'jest',
  mocha: 'mocha',
  'mocha.js': 'mocha',
  _mocha: 'mocha',
  pytest: 'pytest',
  'py.test': 'pytest',
  ava: 'tap',
  tap: 'tap',
  tape: 'tap',
  bats: 'tap',
  prove: 'tap',
  mvn: 'junit',
  mvnw: 'junit',
  gradle: 'junit',
  gradlew: 'junit',
  sbt: 'junit',
}

const SUBCOMMANDS: Readonly<Record<string, Readonly<Record<string, Runner>>>> = {
  go: { test: 'go' },
  gotestsum: {},
  cargo: { test: 'cargo', t: 'cargo', nextest: 'cargo', tarpaulin: 'cargo', 'llvm-cov': 'cargo' },
  dotnet: { test: 'dotnet', vstest: 'dotnet' },
  'react-scripts': { test: 'jest' },
  craco: { test: 'jest' },
}

/** The runners that an unwrapped simple command names itself; empty: none that is known. */
export function runnersOf(words: readonly string[]): readonly Runner[] {
  const program = programName(words[0] ?? '')
  const known = BY_PROGRAM[program]
  if (known) return [known]
  if (program === 'gotestsum') return ['go']
  if (program === 'tox' || program === 'nox') return ['pytest', 'unittest']
  const sub = SUBCOMMANDS[program]
  if (sub) {
    const first = words.slice(1).find((w) => !/^[-+]/.test(w))
    const runner = first === undefined ? undefined : sub[first]
    return runner ? [runner] : []
  }
  if (/^node(js)?$/.test(program)) return words.includes('--test') ? ['node:test'] : nodeScript(words)
  if (/^(python|pypy)[\d.]*$/.test(program) || program === 'coverage') return pythonModule(words)
  return []
}

function nodeScript(words: readonly string[]): readonly Runner[] {
  const script = words.slice(1).find((w) => !w.startsWith('-'))
  const runner = script === undefined ? undefined : BY_PROGRAM[programName(script)]
  return runner && /node_modules/.test(script ?? '') ? [runner] : []
}

function pythonModule(words: readonly string[]): readonly Runner[] {
  for (const [i, word] of words.entries()) {
    if (word !== '-m') continue
    const module = words[i + 1]
    if (module === 'pytest') return ['pytest']
    if (module === 'unittest') return ['unittest']
  }
  return words.some((w) => w === 'manage.py') && words.includes('test') ? ['unittest'] : []
}
