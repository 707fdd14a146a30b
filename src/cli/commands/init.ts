import { join } from 'node:path'
import { Command } from 'commander'
import { BelayError } from '../../core/errors.ts'
import { openRepository } from '../../git/repository.ts'
import { git } from '../../git/run.ts'
import {
  askAbout,
  detectProject,
  findConfigFile,
  proposeConfig,
  writeWhole,
  type Detected,
  type Proposal,
} from '../../setup/index.ts'
import type { Io } from '../io.ts'

interface InitOptions {
  readonly yes?: boolean
  readonly force?: boolean
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  belay init            look at the project, ask, and write belay.yaml
  belay init --yes      take what was found without asking
  belay init --force    replace the belay.yaml that is there`

/** `belay init`: writes belay.yaml in the root of the repository from what is found there. Asks only in a terminal. */
export function initCommand(io: Io): Command {
  return new Command('init')
    .description('Write belay.yaml from what is found in this project.')
    .option('--yes', 'take what was found without asking')
    .option('--force', 'replace a belay.yaml that is there')
    .option('--json', 'print the result as JSON (asks nothing)')
    .addHelpText('after', EXAMPLES)
    .action((options: InitOptions) => init(io, options))
}

async function init(io: Io, options: InitOptions): Promise<void> {
  const root = await checkoutRoot(io.cwd)
  const present = await findConfigFile(root)
  if (present !== null && (present !== 'belay.yaml' || !options.force)) throw alreadyThere(root, present)
  const detected = await detectProject(root, { env: io.env })
  const asks = io.interactive && !options.yes && !options.json
  const proposal = asks
    ? await askAbout(detected, { input: io.stdin, say: (line) => io.note(line) })
    : proposeConfig(detected)
  const path = join(root, 'belay.yaml')
  if (proposal === null) {
    io.note('nothing was written')
    return
  }
  await writeWhole(path, proposal.text, { replace: options.force === true })
  if (options.json) io.out(JSON.stringify(result(path, present !== null, detected, proposal)))
  else {
    if (!asks) for (const note of detected.notes) io.note(`note: ${note}`)
    io.out(`wrote ${path}`)
    io.note(
      `checks: ${detected.gates.length === 0 && !asks ? 'none found; add some under verify.commands' : names(proposal)}`,
    )
    io.note('next: belay doctor, then git add belay.yaml && git commit')
  }
}

function result(path: string, replaced: boolean, detected: Detected, proposal: Proposal): object {
  const { languages, managers, agents, notes } = detected
  return { path, replaced, languages, managers, agents, notes, config: proposal.config }
}

function names({ config }: Proposal): string {
  const commands = (config.verify?.commands ?? []).map((command) =>
    typeof command === 'string' ? command : String(command.run),
  )
  return commands.length === 0 ? 'none' : commands.join(', ')
}

/** The root of the checkout, even without any commit: the first commit may well contain belay.yaml. */
async function checkoutRoot(cwd: string): Promise<string> {
  try {
    return (await openRepository(cwd)).root
  } catch (error) {
    if (!(error instanceof BelayError) || error.code !== 'unborn_head') throw error
    return await git(['rev-parse', '--show-toplevel'], { cwd })
  }
}

function alreadyThere(root: string, name: string): BelayError {
  const next = {
    'belay.yaml': 'belay init --force replaces it; belay doctor checks it',
    'belay.yml': 'rename it: mv belay.yml belay.yaml',
  }[name]
  return new BelayError('file_exists', `${name} is there already`, {
    expected: 'no configuration yet',
    received: join(root, name),
    next: next ?? `remove ${name} first to have belay.yaml instead`,
  })
}
