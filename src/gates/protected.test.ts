import { describe, expect, it } from 'vitest'
import { expandGate } from './commands/expand.ts'
import { simpleCommands, unwrapped } from './commands/words.ts'
import { baseOverlay, changedProtected, gateScripts } from './protected.ts'
import { treeOf } from './testing/world.ts'

const FILES = {
  'package.json': JSON.stringify({
    name: 'x',
    scripts: {
      pretest: 'tsc -p .',
      test: 'sh scripts/test.sh && node tools/check',
      all: 'run-s check:*',
      'check:unit': 'vitest run --config ci/vitest.config.ts',
      'check:old': 'NODE_ENV=test npx -y mocha',
    },
  }),
  'scripts/test.sh': '#!/bin/sh\nset -e\n. ./scripts/env.sh\ncd api\npytest -q # all\nfor f in a b; do echo $f; done\n',
  'scripts/env.sh': 'export A=1\n',
  'tools/check.mjs': '',
  'ci/vitest.config.ts': '',
  Makefile:
    '.PHONY: test\nall: test\ntest: lint\n\t@cargo test --all\nlint:\n\t./tools/lint.sh\ndeploy:\n\t./tools/deploy.sh\n',
  'tools/lint.sh': 'go test ./... 2>&1 | tee out.txt\n',
  'tools/deploy.sh': '',
  'run_tests.py': '',
  justfile: '',
  'tox.ini': '',
  'api/package.json': '{"scripts":{"test":"jest"}}',
  'test/a.test.js': '',
}

const tree = treeOf(FILES)
const scripts = async (run: string | readonly string[], cwd: string | null = null) =>
  (await gateScripts({ run, cwd }, tree)).join(' ')
const runners = async (run: string) => [...(await expandGate({ run, cwd: null }, tree)).runners.keys()].sort().join(' ')

describe('gateScripts', () => {
  it.each([
    ['npm test', 'package.json scripts/env.sh scripts/test.sh tools/check.mjs'],
    ['npm run all', 'ci/vitest.config.ts package.json'],
    ['pnpm -r test', 'api/package.json package.json scripts/env.sh scripts/test.sh tools/check.mjs'],
    ['make', 'Makefile tools/lint.sh'],
    ['make deploy', 'Makefile tools/deploy.sh'],
    ['./tools/lint.sh', 'tools/lint.sh'],
    ['bash -euo pipefail -c "sh scripts/test.sh"', 'scripts/env.sh scripts/test.sh'],
    ['cd tools && ./lint.sh; (cd .. && python3 run_tests.py)', 'run_tests.py tools/lint.sh'],
    ['python -m run_tests', 'run_tests.py'],
    ['env A=1 timeout -k 5 60 node --import ./tools/check.mjs --test test/a.test.js', 'tools/check.mjs'],
    ['node --run check:unit', 'ci/vitest.config.ts package.json'],
    ['just test', 'justfile'],
    ['tox -e py', 'tox.ini'],
    ['echo "./tools/lint.sh" # node tools/check.mjs', ''],
    ['node --test test/a.test.js', ''],
    ['../../outside.sh; /bin/echo; $RUN', ''],
  ])('%s', async (command, expected) => {
    expect(await scripts(command)).toBe(expected)
  })

  it('follows lists and folders', async () => {
    expect(await scripts(['sh', 'scripts/test.sh', '&&', './tools/deploy.sh'])).toBe('scripts/env.sh scripts/test.sh')
    expect(await scripts('npm test', 'api')).toBe('api/package.json')
    expect(await scripts('./lint.sh', 'tools')).toBe('tools/lint.sh')
  })

  it('ends when scripts name each other', async () => {
    const loop = treeOf({
      'a.sh': './b.sh',
      'b.sh': './a.sh; npm test',
      'package.json': '{"scripts":{"test":"npm test; ./a.sh"}}',
    })
    expect(await gateScripts({ run: './a.sh', cwd: null }, loop)).toEqual(['a.sh', 'b.sh', 'package.json'])
  })
})

describe('expandGate', () => {
  it('knows runners by the command that starts them, not by words in it', async () => {
    expect(await runners('npm test')).toBe('pytest')
    expect(await runners('npm run all')).toBe('mocha vitest')
    expect(await runners('make')).toBe('cargo go')
    expect(await runners('echo "5 passed" pytest; cat jest.txt # vitest')).toBe('')
    expect(await runners('uv run --with x python -m pytest -q && go vet ./... && cargo build')).toBe('pytest')
  })

  it('names the project file that is not there, but not one that may be built', async () => {
    const missing = async (run: string): Promise<string | null> => (await expandGate({ run, cwd: null }, tree)).missing
    expect(await missing('npm run nothing')).toBe('package.json scripts.nothing')
    expect(await missing('make nothing')).toBe('Makefile nothing')
    expect(await missing('cargo test')).toBe('Cargo.toml')
    expect(await missing('./check.sh')).toBe('check.sh')
    expect(await missing('npm run check:old && node dist/test.js')).toBeNull()
    expect((await expandGate({ run: 'npm test', cwd: null }, treeOf({}))).missing).toBe('package.json')
  })
})

describe('simpleCommands', () => {
  it('reads quotes, operators, redirections, comments and here-documents', () => {
    const text = `if a 'b c' "d \\"e\\""; then x >out 2>&1 | y &; fi # z
cat <<'END' > file
not a command
END
p \\
  q $(r s; t) && ! u`
    expect(simpleCommands(text)).toEqual([['a', 'b c', 'd "e"'], ['x'], ['y'], ['cat'], ['p', 'q', '$(r s; t)'], ['u']])
  })

  it('takes wrappers off', () => {
    expect(unwrapped(['A=1', 'env', '-u', 'B', 'C=2', 'npx', '--yes', 'vitest', 'run'])).toEqual(['vitest', 'run'])
    expect(unwrapped(['timeout', '-s', 'KILL', '10', '/usr/bin/nice', '-n', '5', 'make'])).toEqual(['make'])
    expect(unwrapped(['npx'])).toEqual(['npx'])
  })
})

describe('changedProtected', () => {
  const gates = [{ run: 'npm test', cwd: null }]
  const changed = async (files: Readonly<Record<string, string | null>>, globs: readonly string[] = []) => {
    const merged = Object.fromEntries(
      Object.entries({ ...FILES, ...files }).filter((e): e is [string, string] => e[1] !== null),
    )
    const paths = [...new Set([...Object.keys(FILES), ...Object.keys(merged)])]
    const differ = paths.filter((path) => merged[path] !== (FILES as Readonly<Record<string, string>>)[path])
    const found = await changedProtected(tree, treeOf(merged), differ, { gates, globs })
    return found.map(({ path, kind }) => `${kind} ${path}`)
  }

  it('names what decides about the proof, added, changed and removed', async () => {
    expect(await changed({})).toEqual([])
    expect(await changed({ 'src/a.ts': 'x', 'tools/deploy.sh': 'x' })).toEqual([])
    expect(
      await changed(
        {
          'belay.yaml': 'x',
          '.github/workflows/ci.yml': 'x',
          'scripts/env.sh': null,
          'tools/check.mjs': 'x',
          'test/golden/a': 'x',
        },
        ['test/golden/**'],
      ),
    ).toEqual([
      'ci .github/workflows/ci.yml',
      'config belay.yaml',
      'script scripts/env.sh',
      'protected test/golden/a',
      'script tools/check.mjs',
    ])
  })

  it('looks only at the scripts of a package.json', async () => {
    const parsed = JSON.parse(FILES['package.json']) as { scripts: Record<string, string> }
    expect(await changed({ 'package.json': JSON.stringify({ ...parsed, dependencies: { a: '1' } }, null, 4) })).toEqual(
      [],
    )
    const scriptsChanged = { ...parsed, scripts: { ...parsed.scripts, test: 'exit 0' } }
    expect(await changed({ 'package.json': JSON.stringify(scriptsChanged) })).toEqual(['script package.json'])
  })

  it('sees a script that only the candidate names', async () => {
    const parsed = { scripts: { test: './new.sh' } }
    expect(await changed({ 'package.json': JSON.stringify(parsed), 'new.sh': 'exit 0' })).toEqual([
      'script new.sh',
      'script package.json',
    ])
  })
})

describe('baseOverlay', () => {
  const gate = { run: 'npm test', cwd: null }
  it('is empty when the task left the scripts alone', async () => {
    expect(await baseOverlay(tree, treeOf({ ...FILES, 'src/a.ts': 'x' }), gate)).toEqual([])
  })

  it('brings back scripts, and of package.json only its scripts', async () => {
    const parsed = JSON.parse(FILES['package.json']) as Record<string, unknown>
    const candidate = {
      ...FILES,
      'package.json': JSON.stringify({ ...parsed, dependencies: { a: '1' }, scripts: { test: 'true' } }),
    }
    const { 'scripts/test.sh': _gone, ...rest } = candidate
    const overlay = await baseOverlay(tree, treeOf(rest), gate)
    expect(overlay).toEqual([
      { path: 'package.json', as: { text: expect.any(String) } },
      { path: 'scripts/test.sh', as: 'base' },
    ])
    const [first] = overlay
    expect(JSON.parse(typeof first?.as === 'object' ? first.as.text : '')).toEqual({
      ...parsed,
      dependencies: { a: '1' },
    })
  })

  it('brings back the whole package.json when the candidate broke it', async () => {
    const overlay = await baseOverlay(tree, treeOf({ ...FILES, 'package.json': '{' }), gate)
    expect(overlay).toEqual([{ path: 'package.json', as: { text: FILES['package.json'] } }])
  })

  it('takes away what only the candidate has', async () => {
    const make = { run: 'make test', cwd: null }
    const base = { Makefile: 'test:\n\t./check.sh\n', 'check.sh': 'true' }
    expect(await baseOverlay(treeOf(base), treeOf({ ...base, GNUmakefile: 'test: ;\n' }), make)).toEqual([
      { path: 'GNUmakefile', as: 'without' },
    ])
    expect(await baseOverlay(tree, treeOf({ ...FILES, '.npmrc': 'script-shell=true\n' }), gate)).toEqual([
      { path: '.npmrc', as: 'without' },
    ])
  })
})
