/**
 * `npm run bench [-- NAME... --quick --json]`: what Belay costs, as ratios to baselines measured in the same run. Build first
 * (`npm run build`), because whole programs are measured as they ship. Nothing is asserted here: machines and their load
 * differ.
 */
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { codexTasks } from './figures/codex.ts'
import { exec } from './figures/exec.ts'
import { kernel } from './figures/kernel.ts'
import { queue } from './figures/queue.ts'
import { record } from './figures/record.ts'
import { session } from './figures/session.ts'
import { start } from './figures/start.ts'
import { tasks } from './figures/tasks.ts'
import type { Bench, Figure } from './support/figure.ts'
import { table } from './support/table.ts'

const BENCHES: readonly Bench[] = [record, session, kernel, start, tasks, queue, codexTasks, exec]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
})
const names = BENCHES.map((bench) => bench.name)
const unknown = positionals.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`there is no benchmark ${unknown.join(', ')}; there are: ${names.join(', ')}\n`)
  process.exitCode = 2
} else {
  const figures: Figure[] = []
  for (const bench of BENCHES) {
    if (positionals.length > 0 && !positionals.includes(bench.name)) continue
    process.stderr.write(`${bench.name} ...\n`)
    figures.push(...(await bench.measure({ quick: values.quick })))
  }
  const machine = { node: process.version, cpus: cpus().length, load: loadavg()[0] ?? 0, platform: process.platform }
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, figures })}\n`)
  else {
    const about = `node ${machine.node}, ${machine.cpus} processors, load ${machine.load.toFixed(1)}`
    process.stdout.write(`${table(figures)}\n\n${about}\n`)
  }
}
