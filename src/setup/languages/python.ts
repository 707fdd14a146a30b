import { present, type Detector, type FoundCommand, type Tools } from '../ecosystem.ts'
import { tomlOf, tree, type Folder, type Tree } from '../folder.ts'

const MARKERS = [
  'pyproject.toml',
  'setup.py',
  'setup.cfg',
  'Pipfile',
  'uv.lock',
  'poetry.lock',
  'pdm.lock',
  'pytest.ini',
  'tox.ini',
  'manage.py',
]

const REQUIREMENTS = [
  'requirements.txt',
  'requirements-dev.txt',
  'requirements_dev.txt',
  'dev-requirements.txt',
  'requirements-test.txt',
  'test-requirements.txt',
  'requirements/dev.txt',
  'requirements/test.txt',
]

const EXTRAS = ['dev', 'test', 'tests', 'testing']

interface Facts {
  readonly folder: Folder
  readonly tools: Tools
  readonly pyproject: Tree
  readonly project: Tree
  readonly requirements: readonly string[]
  /** Everything that names dependencies, as text. */
  readonly mentions: string
  readonly testFiles: readonly string[]
  readonly python: string
}

/** How commands get their dependencies. */
interface Environment {
  readonly manager: string | null
  readonly setup: readonly FoundCommand[]
  readonly inputs: readonly string[]
  readonly byproducts: readonly string[]
  /** The command for a program that comes with the dependencies. */
  program(command: string): string
  /** The command for the interpreter that sees the dependencies. */
  python(args: string): string
}

/** Python with uv, poetry, pdm, pipenv, pip in a `.venv`, or only the standard library. */
export const python: Detector = (folder, tools) => {
  const requirements = present(folder, REQUIREMENTS)
  const testFiles = folder.find(3, (name) => /^test_.*\.py$|_test\.py$/.test(name))
  const sources = folder.names().some((name) => name.endsWith('.py'))
  if (present(folder, MARKERS).length === 0 && requirements.length === 0 && testFiles.length === 0 && !sources)
    return null
  const pyproject = tomlOf(folder, 'pyproject.toml')
  const texts = ['pyproject.toml', 'setup.py', 'setup.cfg', 'Pipfile', ...requirements].map((name) => folder.text(name))
  const facts: Facts = {
    folder,
    tools,
    pyproject,
    project: tree(pyproject['project']),
    requirements,
    mentions: texts.join('\n'),
    testFiles,
    python: tools.installed('python3') || !tools.installed('python') ? 'python3' : 'python',
  }
  const pytest = usesPytest(facts)
  const environment = environmentOf(facts, pytest)
  const test = testCommand(facts, environment, pytest)
  return {
    language: 'Python',
    manager: environment.manager,
    gates: [...(test ? [test] : []), ...checks(facts, environment)],
    setup: environment.setup,
    inputs: environment.inputs,
    byproducts: environment.byproducts,
    programs: [environment.manager === null || environment.manager === 'pip' ? facts.python : environment.manager],
    notes: [],
  }
}

function environmentOf(facts: Facts, pytest: boolean): Environment {
  const { folder, pyproject, project } = facts
  const tool = tree(pyproject['tool'])
  if (folder.has('uv.lock') || tool['uv'] !== undefined) {
    const locked = folder.has('uv.lock')
    const extras = EXTRAS.some((name) => name in tree(project['optional-dependencies'])) ? ' --all-extras' : ''
    // --frozen: the lockfile is never rewritten, so that a gate leaves the tree unchanged.
    return managed(
      'uv',
      locked ? 'uv.lock' : null,
      `uv sync${locked ? ' --frozen' : ''}${extras}`,
      locked ? 'uv run --frozen' : 'uv run',
    )
  }
  if (folder.has('poetry.lock') || tool['poetry'] !== undefined) {
    const install = 'POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --no-interaction'
    return managed('poetry', folder.has('poetry.lock') ? 'poetry.lock' : null, install, 'poetry run')
  }
  if (folder.has('pdm.lock')) return managed('pdm', 'pdm.lock', 'pdm sync', 'pdm run')
  if (folder.has('Pipfile')) {
    const locked = folder.has('Pipfile.lock')
    const install = `PIPENV_VENV_IN_PROJECT=1 pipenv ${locked ? 'sync' : 'install --skip-lock'} --dev`
    return managed('pipenv', locked ? 'Pipfile.lock' : null, install, 'pipenv run', 'Pipfile')
  }
  return pipEnvironment(facts, pytest)
}

function managed(
  manager: string,
  lock: string | null,
  install: string,
  prefix: string,
  manifest = 'pyproject.toml',
): Environment {
  const why = lock ?? `${manifest}, without a lockfile`
  return {
    manager,
    setup: [{ run: install, why }],
    inputs: [lock ?? manifest],
    byproducts: ['.venv'],
    program: (command) => `${prefix} ${command}`,
    python: (args) => `${prefix} python ${args}`,
  }
}

function pipEnvironment(
  { folder, tools, project, requirements, mentions, python: interpreter }: Facts,
  pytest: boolean,
): Environment {
  const isPackage = project['name'] !== undefined || folder.has('setup.py')
  const extras = EXTRAS.filter((name) => name in tree(project['optional-dependencies']))
  const targets = [
    ...requirements.map((name) => `-r ${name}`),
    ...(isPackage ? [extras.length > 0 ? `-e '.[${extras.join(',')}]'` : '-e .'] : []),
  ]
  if (pytest && !/\bpytest\b/.test(mentions) && (targets.length > 0 || !tools.installed('pytest')))
    targets.push('pytest')
  if (targets.length === 0) {
    return {
      manager: null,
      setup: [],
      inputs: [],
      byproducts: [],
      program: (command) => command,
      python: (args) => `${interpreter} ${args}`,
    }
  }
  // Before Python 3.13, venv does not make git ignore the environment that it creates.
  const create = `${interpreter} -m venv .venv && echo '*' > .venv/.gitignore`
  const inputs = [...requirements, ...(isPackage ? present(folder, ['pyproject.toml', 'setup.py', 'setup.cfg']) : [])]
  return {
    manager: 'pip',
    setup: [
      { run: `${create} && .venv/bin/pip install -q ${targets.join(' ')}`, why: inputs[0] ?? 'pytest for the tests' },
    ],
    inputs,
    byproducts: isPackage && folder.has('setup.py') ? ['package.egg-info'] : [],
    program: (command) => `.venv/bin/${command}`,
    python: (args) => `.venv/bin/python ${args}`,
  }
}

function usesPytest({ folder, pyproject, mentions, testFiles }: Facts): boolean {
  if (present(folder, ['pytest.ini', 'conftest.py', 'tests/conftest.py', 'test/conftest.py']).length > 0) return true
  if (tree(pyproject['tool'])['pytest'] !== undefined || /\bpytest\b/.test(mentions)) return true
  if (/^\[(tool:)?pytest\]/m.test(`${folder.text('tox.ini') ?? ''}\n${folder.text('setup.cfg') ?? ''}`)) return true
  return testFiles
    .slice(0, 20)
    .some((name) => /^(import pytest|from pytest|(async )?def test_)/m.test(folder.text(name) ?? ''))
}

function testCommand({ folder, testFiles }: Facts, environment: Environment, pytest: boolean): FoundCommand | null {
  if (pytest) return { run: environment.python('-m pytest'), why: 'pytest' }
  if (folder.has('manage.py')) {
    return { run: environment.python('manage.py test'), why: 'manage.py of Django' }
  }
  if (testFiles.length === 0) return null
  const inTests = ['tests', 'test'].find((name) => folder.has(name) && !folder.has(`${name}/__init__.py`))
  const start = inTests && testFiles.every((file) => file.startsWith(`${inTests}/`)) ? ` -s ${inTests}` : ''
  return { run: environment.python(`-m unittest discover${start}`), why: `unittest in ${testFiles[0]}` }
}

function checks({ folder, tools, pyproject, mentions }: Facts, environment: Environment): FoundCommand[] {
  const tool = tree(pyproject['tool'])
  const available = (name: string): string | null => {
    const listed = new RegExp(String.raw`(^|["'\s])${name}\b`, 'm').test(mentions.replace(/^\[tool\..*$/gm, ''))
    if (listed) return environment.program(name)
    return tools.installed(name) ? name : null
  }
  const found: FoundCommand[] = []
  const ruff =
    tool['ruff'] !== undefined || present(folder, ['ruff.toml', '.ruff.toml']).length > 0 ? available('ruff') : null
  if (ruff) found.push({ run: `${ruff} check`, why: 'ruff is configured' })
  const mypy = tool['mypy'] !== undefined || folder.has('mypy.ini') ? available('mypy') : null
  const targets = tree(tool['mypy'])['files'] ?? tree(tool['mypy'])['packages']
  if (mypy) found.push({ run: targets === undefined ? `${mypy} .` : mypy, why: 'mypy is configured' })
  return found
}
