import { BelayError } from '../../core/errors.ts'
import {
  baselineKey,
  baselineStops,
  classifyBaseline,
  type Evidence,
  type GateBaseline,
  type GateSpec,
} from '../../gates/index.ts'
import { readObject } from '../../git/objects.ts'
import { gitTreeFiles } from '../../git/tree-files.ts'
import { treeOf } from '../../git/trees.ts'
import type { PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { dropBaselines, getBaseline, putBaseline } from '../../record/index.ts'
import { observeGate, openProof, report, type ProofFolder } from './proof-folder.ts'
import type { DirectServices } from './services.ts'
import { refuseSetup } from './workspaces.ts'

type Context = PhaseContext<DirectServices>

/** A baseline as stored, with the run that determined it. */
type KnownBaseline = GateBaseline & { readonly run?: string }

/** Runs every gate whose baseline on this commit is not yet known; throws as `baselinesOf`. */
export async function proveBase(context: Context, base: string): Promise<Pick<PhaseResult, 'artifacts'>> {
  const { services } = context
  if (services.settings.gates.length === 0) return {}
  const { evidence } = await baselinesOf(context, base)
  return { artifacts: evidence.map((data) => ({ kind: 'evidence', data })) }
}

/**
 * The gates' baselines on a commit of the result branch: stored ones where they are known, else determined now. Throws (exit 2)
 * if the commit is the user's own (the run's base, or one that the run picked up later) and these gates cannot prove anything
 * there.
 */
export async function baselinesOf(
  context: Context,
  commit: string,
): Promise<{ baselines: Map<string, GateBaseline>; evidence: Evidence[] }> {
  const { services, task } = context
  const tree = await treeOf(services.root, commit)
  const baselines = new Map<string, GateBaseline>()
  const evidence: Evidence[] = []
  let folder: ProofFolder | undefined
  for (const gate of services.settings.gates) {
    const key = baselineKey(tree, gate, services.gateEnv)
    const known = await getBaseline<KnownBaseline>(services.record.read, key)
    // Anything but `pass` is not reused from another run: the machine, which may differ by now, is not part of the key.
    let baseline: GateBaseline | null = known?.result === 'pass' || known?.run === services.run.id ? known : null
    if (baseline === null) {
      if (folder === undefined) {
        const opened = await openProof(context, { commit, tip: commit, tree })
        refuseSetup(opened.failed)
        folder = opened.folder
      }
      const seen = await observeGate(context, gate, folder)
      evidence.push(seen)
      baseline = await remember(context, gate, tree, seen)
      await report(context, 'baseline', seen)
    }
    baselines.set(gate.name, baseline)
  }
  if (folder) await services.workspaces.releaseProof(task.handle)
  if (!(await isLanding(context, commit))) await refuseUseless(context, commit, [...baselines.values()])
  return { baselines, evidence }
}

/** Stores a gate's evidence as its baseline on a tree. */
export async function remember(context: Context, gate: GateSpec, tree: string, seen: Evidence): Promise<GateBaseline> {
  const { services, task } = context
  const baseline = classifyBaseline(seen)
  const key = baselineKey(tree, gate, services.gateEnv)
  const found = { key, project: services.project, gate: gate.name, tree, data: { ...baseline, run: services.run.id } }
  await putBaseline(services.record, found, { run: services.run.id, task: task.handle, epoch: task.epoch })
  return baseline
}

/** Whether `commit` is the landing of a task of this run, whose gate results were stored when it was verified. */
async function isLanding({ services }: Context, commit: string): Promise<boolean> {
  if (commit === services.run.base) return false
  const text = (await readObject(services.root, commit))?.content.toString('utf8') ?? ''
  return text.includes(`\nBelay-Run: ${services.run.id}\n`)
}

async function refuseUseless(context: Context, base: string, baselines: readonly GateBaseline[]): Promise<void> {
  const { services, task } = context
  const { acceptRedBaseline, allowAbsentGates } = services.settings
  const absent = baselines.every((one) => one.result === 'absent')
  const hasSourceFiles =
    absent && (await gitTreeFiles(services.root, base).list()).some((path) => SOURCE_FILE.test(path))
  const stop = baselineStops(baselines, { acceptRedBaseline, allowAbsentGates, hasSourceFiles })
  if (stop === null) return
  const of = { project: services.project, tree: await treeOf(services.root, base) }
  await dropBaselines(services.record, of, { run: services.run.id, task: task.handle, epoch: task.epoch })
  throw new BelayError(stop.code, stop.message, {
    expected: 'gates that run on the base commit',
    next:
      stop.code === 'red_baseline'
        ? 'fix it and commit, then: belay run; or continue as it is: belay resume --accept-red-baseline'
        : 'fix verify.commands, then: belay run; or continue as it is: belay resume --allow-absent-gates',
  })
}

const SOURCE_FILE =
  /\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|kt|kts|scala|cs|fs|vb|php|c|cc|cpp|cxx|h|hpp|m|mm|swift|ex|exs|erl|hs|ml|clj|dart|lua|pl|pm|r|jl|zig|nim|sh|bash|vue|svelte)$/i
