/** Tools that run a program of a project or container: `npx tsc`, `uv run pytest`, `docker exec C sh -c ...`. */
import type { Arg } from '../shell/arg.ts'
import type { Invocation } from '../match.ts'
import type { Inner } from './inner.ts'

interface Runner {
  /** Subcommands before the program; one of these lists of words. */
  readonly after: readonly (readonly string[])[]
  readonly valued?: string
  /** Options whose text a shell runs, such as `-c TEXT`. */
  readonly text?: readonly string[]
  /** Number of words between the subcommand and the program. */
  readonly skip?: number
  readonly elsewhere?: true
}

const RUNNERS: Readonly<Record<string, Runner>> = {
  npx: { after: [[]], valued: '-p --package -w --workspace', text: ['-c', '--call'] },
  bunx: { after: [[]], valued: '-p --package' },
  pnpx: { after: [[]], valued: '-p --package' },
  npm: { after: [['exec'], ['x']], valued: '-p --package -w --workspace --prefix', text: ['-c', '--call'] },
  pnpm: { after: [['exec'], ['dlx']], valued: '-C --dir --filter -F --package', text: ['-c', '--shell-mode'] },
  yarn: { after: [['exec'], ['dlx']], valued: '-p --package --cwd' },
  bun: { after: [['x']] },
  uvx: { after: [[]], valued: '--from --with --python -p' },
  uv: {
    after: [['run'], ['tool', 'run']],
    valued: '--with --python -p --extra --group --project --directory --env-file --from',
  },
  poetry: { after: [['run']], valued: '-C -P --directory --project' },
  pipenv: { after: [['run']] },
  pdm: { after: [['run']], valued: '-p --project' },
  hatch: { after: [['run']] },
  rye: { after: [['run']] },
  pixi: { after: [['run']] },
  bundle: { after: [['exec']] },
  mise: { after: [['exec'], ['x']], text: ['-c', '--command'] },
  asdf: { after: [['exec']] },
  direnv: { after: [['exec']], skip: 1 },
  conda: { after: [['run']], valued: '-n --name -p --prefix' },
  docker: {
    after: [['exec'], ['run'], ['compose', 'exec'], ['compose', 'run'], ['container', 'exec'], ['container', 'run']],
    valued: DOCKER(),
    skip: 1,
    elsewhere: true,
  },
  podman: { after: [['exec'], ['run']], valued: DOCKER(), skip: 1, elsewhere: true },
  kubectl: { after: [['exec']], valued: '-n --namespace -c --container --context', skip: 1, elsewhere: true },
  nix: { after: [['develop']], text: ['-c', '--command'] },
  'nix-shell': { after: [[]], text: ['--run', '--command'], skip: 99 },
  nodemon: { after: [[]], valued: '-w --watch -e --ext', text: ['-x', '--exec'], skip: 99 },
  'cargo-watch': { after: [[]], text: ['-s', '--shell'], skip: 99 },
}

function DOCKER(): string {
  return '-e --env -u --user -w --workdir -v --volume --mount --name -p --publish --network --entrypoint --env-file -l --label -m --memory --cpus --platform -f --file'
}

/** The program that `one` runs in a project or container. */
export function innerOf(one: Invocation): Inner[] {
  const runner = Object.hasOwn(RUNNERS, one.program.name) ? RUNNERS[one.program.name] : undefined
  if (!runner) return []
  const valued = new Set(runner.valued?.split(' '))
  const rows = runner.after.map((words) => after(one.args, words, valued)).filter((row) => row !== null)
  return rows.flatMap((row) => inside(row, runner, valued))
}

/** The arguments after the subcommand; null: another subcommand. */
function after(args: readonly Arg[], words: readonly string[], valued: ReadonlySet<string>): readonly Arg[] | null {
  let rest = args
  for (const word of words) {
    let i = 0
    while (rest[i]?.head.startsWith('-') === true) i += valued.has(rest[i]?.value ?? '') ? 2 : 1
    const found = rest[i]
    if (found?.kind !== 'static' || found.value !== word) return null
    rest = rest.slice(i + 1)
  }
  return rest
}

function inside(args: readonly Arg[], runner: Runner, valued: ReadonlySet<string>): Inner[] {
  const found: Inner[] = []
  let skip = runner.skip ?? 0
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]
    if (arg === undefined) break
    const text = runner.text?.find((name) => arg.value === name || arg.value.startsWith(`${name}=`))
    if (text !== undefined) {
      const value = arg.value === text ? args[i + 1] : { ...arg, value: arg.value.slice(text.length + 1) }
      if (value?.kind === 'static')
        found.push({ kind: 'script', text: [value, ...args.slice(i + 2)].map((one) => one.value).join(' ') })
      else found.push({ kind: 'doubt', reason: `a shell runs a text that is not known` })
      return found
    }
    if (arg.value === '--') continue
    if (arg.head.startsWith('-')) {
      i += valued.has(arg.value) ? 1 : 0
      continue
    }
    if (skip > 0) {
      skip -= 1
      continue
    }
    return [{ kind: 'command', argv: args.slice(i), ...(runner.elsewhere ? { elsewhere: true } : {}) }]
  }
  return found
}
