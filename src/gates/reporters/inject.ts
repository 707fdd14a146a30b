import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { NODE_TEST_REPORTER } from './node-test.ts'
import { MOCHA_LISTENER, PRELOAD } from './preload.ts'

/** The file that pytest writes, in the report folder. */
export const PYTEST_REPORT = 'belay-pytest.xml'

/** What an outer gate has put into the environment: Belay's own tests run gates inside a gate. */
const OURS_IN_NODE_OPTIONS =
  /\s*(?:"--require=(?:[^"\\]|\\.)*belay-preload\.cjs"|--require=\S*belay-preload\.cjs|(?:"--test-reporter=(?:[^"\\]|\\.)*belay-node-test\.mjs"|--test-reporter=\S*belay-node-test\.mjs)\s+--test-reporter-destination=stdout)/g
const OURS_IN_PYTEST_ADDOPTS = /\s*--junitxml=(?:'[^']*belay-pytest\.xml'|\S*belay-pytest\.xml)/g

export interface InjectOptions {
  /** Absolute path of an empty folder outside the proof folder. */
  readonly reportDir: string
  readonly env: Readonly<Record<string, string>>
  /**
   * Whether to add a reporter for node:test. Not if the command sets its own reporter without a destination: Node refuses both.
   */
  readonly nodeTest: boolean
}

/**
 * Writes our reporters into `reportDir` and returns an environment that makes runners use them. Adds to NODE_OPTIONS and
 * PYTEST_ADDOPTS (replacing what an outer gate added) and changes nothing else.
 */
export async function injectReporters(options: InjectOptions): Promise<Record<string, string>> {
  await mkdir(options.reportDir, { recursive: true })
  const dir = await realpath(options.reportDir)
  const reporter = join(dir, 'belay-node-test.mjs')
  const preload = join(dir, 'belay-preload.cjs')
  await writeFile(reporter, NODE_TEST_REPORTER)
  await writeFile(preload, PRELOAD)
  await writeFile(join(dir, 'belay-mocha.cjs'), MOCHA_LISTENER)
  const forNode = [`--require=${preload}`]
  if (options.nodeTest) forNode.push(`--test-reporter=${reporter}`, '--test-reporter-destination=stdout')
  const { BELAY_GATE_RUNNER: _outer, ...env } = options.env
  const nodeOptions = env['NODE_OPTIONS']?.replace(OURS_IN_NODE_OPTIONS, '').trim()
  const pytestOptions = env['PYTEST_ADDOPTS']?.replace(OURS_IN_PYTEST_ADDOPTS, '').trim()
  return {
    ...env,
    NODE_OPTIONS: joined(nodeOptions, forNode.map(forNodeOptions)),
    PYTEST_ADDOPTS: joined(pytestOptions, [`--junitxml=${forShlex(join(dir, PYTEST_REPORT))}`]),
  }
}

function joined(before: string | undefined, added: readonly string[]): string {
  return [...(before ? [before] : []), ...added].join(' ')
}

/** NODE_OPTIONS is split at spaces; double quotes group a value, and a backslash escapes inside them. */
function forNodeOptions(flag: string): string {
  return /[\s"\\]/.test(flag) ? `"${flag.replace(/["\\]/g, '\\$&')}"` : flag
}

/** PYTEST_ADDOPTS is split as a shell would split it; pytest then expands variables and `~` in the path. */
function forShlex(path: string): string {
  return /[^\w@%+=:,./-]/.test(path) ? `'${path.replaceAll("'", `'"'"'`)}'` : path
}
