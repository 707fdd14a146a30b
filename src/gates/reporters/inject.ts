import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { NODE_TEST_REPORTER } from './node-test.ts'
import { MOCHA_LISTENER, PRELOAD } from './preload.ts'

/** Names inside the folder for reports. */
export const PYTEST_REPORT = 'pytest.xml'

export interface InjectOptions {
  /** Absolute path of an empty folder outside the proof folder. */
  readonly reportDir: string
  readonly env: Readonly<Record<string, string>>
  /** Also ask node:test (not where the command brings its own reporter without a destination: Node refuses both). */
  readonly nodeTest: boolean
}

/**
 * Puts our reporters into `reportDir` and returns the environment that makes runners use them. Adds to NODE_OPTIONS and
 * PYTEST_ADDOPTS, changes nothing else.
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
  const { env } = options
  return {
    ...env,
    NODE_OPTIONS: joined(env['NODE_OPTIONS'], forNode.map(forNodeOptions)),
    PYTEST_ADDOPTS: joined(env['PYTEST_ADDOPTS'], [`--junitxml=${forShlex(join(dir, PYTEST_REPORT))}`]),
  }
}

function joined(before: string | undefined, added: readonly string[]): string {
  return [...(before ? [before] : []), ...added].join(' ')
}

/** NODE_OPTIONS splits at spaces; double quotes hold a value together, a backslash escapes inside them. */
function forNodeOptions(flag: string): string {
  return /[\s"\\]/.test(flag) ? `"${flag.replace(/["\\]/g, '\\$&')}"` : flag
}

/** PYTEST_ADDOPTS is split as a shell would; pytest expands variables and `~` in the path afterwards. */
function forShlex(path: string): string {
  return /[^\w@%+=:,./-]/.test(path) ? `'${path.replaceAll("'", `'"'"'`)}'` : path
}
