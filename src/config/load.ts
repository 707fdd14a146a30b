import { BelayError } from '../core/errors.ts'
import { crossProblems, foreignServices } from './checks.ts'
import { findFile, userFolder, type FoundFile, type Place } from './files.ts'
import { envLayer, flagLayer, type FlagValue, type Layer } from './flags.ts'
import { rootNode, type KeyPath } from './keys.ts'
import { withOwnRules } from './own-rules.ts'
import { parseText } from './parse.ts'
import { configInvalid, problemsOf, unknownKey, unreadable, type Locate, type Problem } from './problems.ts'
import { homeOf, resolveConfig, type Config } from './resolve.ts'
import { configSchema } from './schema.ts'
import { hostilePaths, isMapping, overlayLayer, valueAt, withoutEmptySections, type Mapping } from './values.ts'

export interface LoadOptions {
  /** The repository's root (the user's checkout, never a workspace). */
  readonly root: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** `--set KEY=VALUE`, as given. */
  readonly set?: readonly string[]
  /** Settings from dedicated flags; they override `set`. */
  readonly flags?: readonly FlagValue[]
  /** Replaces the folder of the user's own file (tests). */
  readonly userDir?: string
  /**
   * Returns YAML for a repository without a file (what `belay init` would write). It is a guess, so the user's own file
   * overrides it.
   */
  readonly proposal?: () => Promise<string>
}

export interface LoadedConfig {
  readonly config: Config
  /** Absolute paths of the files that were read: the user's, then the project's. */
  readonly files: readonly string[]
  /** The project's file; null: there is none (then `proposal` was used, if given). */
  readonly projectFile: string | null
  /** Settings that are allowed but hardly intended. */
  readonly warnings: readonly string[]
}

/**
 * Reads the configuration. Flags override the environment, which overrides the project's file, which overrides the user's. Only
 * reads, so it may be repeated. Throws `config_invalid` with all problems at once, or `mode_not_available`.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const folder = options.userDir ?? userFolder(options.env)
  const user = await findFile({ folder, stem: 'config', called: (name) => `${folder}/${name}` })
  const project = await findFile(projectPlace(options.root))
  const proposed = project.found ? undefined : await options.proposal?.()
  const [own, theirs] = [user.found, project.found].map((found) => (found ? checked(fileLayer(found)) : null))
  const layers: Layer[] = [
    ...(proposed === undefined ? [] : [checked(proposalLayer(proposed))]),
    ...(own ? [own] : []),
    ...(theirs ? [{ ...theirs, value: withOwnRules(theirs.value, own?.value ?? {}) }] : []),
    ...[envLayer(options.env), flagLayer(options.set ?? [], options.flags ?? [])].map(checked),
  ]
  const merged = layers.reduce<Mapping>((below, layer) => overlayLayer(below, layer.value), {})
  const problems = [
    ...user.problems,
    ...project.problems,
    ...layers.flatMap((layer) => layer.problems),
    ...crossProblems(merged, locateIn(layers)),
    ...(project.found
      ? foreignServices(asMapping(project.found.value), asMapping(user.found?.value), project.found.locate)
      : []),
  ]
  if (problems.length > 0) throw configInvalid(problems)
  const parsed = configSchema.parse(merged)
  if (parsed.workflow.mode !== 'direct') throw modeNotAvailable(parsed.workflow.mode)
  const config = resolveConfig(parsed, { root: options.root, home: homeOf(options.env) })
  const files = [user.found, project.found].flatMap((found) => (found ? [found.file] : []))
  return { config, files, projectFile: project.found?.file ?? null, warnings: warningsOf(config) }
}

function asMapping(value: unknown): Mapping {
  return isMapping(value) ? value : {}
}

function projectPlace(root: string): Place {
  return { folder: root, stem: 'belay', called: (name) => name }
}

/** Problems of reading the file itself are reported by `findFile`. */
function fileLayer(found: FoundFile): Layer {
  return asLayer(found.value, found.locate, [])
}

function proposalLayer(text: string): Layer {
  const parsed = parseText(text, 'yaml', 'the proposed configuration')
  return asLayer(parsed.value, parsed.locate, parsed.problems)
}

function asLayer(value: unknown, locate: Locate, problems: readonly Problem[]): Layer {
  if (isMapping(value)) return { value, locate, problems }
  const received = Array.isArray(value) ? 'a list' : 'a single value'
  return { value: {}, locate, problems: [...problems, unreadable(locate([]), 'a mapping of keys', received)] }
}

/** The layer, with the problems that the schema finds in it alone. */
function checked(layer: Layer): Layer {
  const hostile = hostilePaths(layer.value).map((path) => unknownKey(path, layer.locate))
  const value = withoutEmptySections(layer.value, rootNode()) as Mapping
  const result = configSchema.safeParse(value)
  const problems = result.success ? [] : problemsOf(result.error.issues, value, layer.locate)
  return { value, locate: layer.locate, problems: [...layer.problems, ...hostile, ...problems] }
}

/** Where the value at a path, or at its nearest parent that is set, comes from. */
function locateIn(layers: readonly Layer[]): Locate {
  return (path: KeyPath) => {
    for (let length = path.length; length > 0; length--) {
      const part = path.slice(0, length)
      const layer = layers.findLast(({ value }) => valueAt(value, part) !== undefined)
      if (layer) return layer.locate(path)
    }
    return 'belay.yaml'
  }
}

function modeNotAvailable(mode: string): BelayError {
  return new BelayError('mode_not_available', `workflow.mode ${mode} is not available yet`, {
    expected: 'direct',
    received: mode,
    next: 'set workflow.mode: direct, and open the pull request from the result branch yourself',
  })
}

function warningsOf(config: Config): string[] {
  const warnings: string[] = []
  for (const [role, { stallMs, timeoutMs }] of Object.entries(config.workflow.roles)) {
    if (stallMs >= timeoutMs) {
      warnings.push(`workflow.roles.${role}.stall is not shorter than its timeout, so it never ends a turn`)
    }
  }
  if (config.workflow.roles.reviewer.access === 'full') {
    warnings.push('workflow.roles.reviewer.access is full: the reviewer may change what it judges')
  }
  return warnings
}
