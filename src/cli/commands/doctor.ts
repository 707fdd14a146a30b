import { Command } from 'commander'
import type { Agent } from '../../agents/port.ts'
import { printable } from '../../core/text.ts'
import { examine, type Finding, type Status } from '../../setup/index.ts'
import type { Io } from '../io.ts'

const EXAMPLES = `
Examples:
  belay doctor          what works, what does not, and how to fix it
  belay doctor --json   the same for a program

Exit status: 0, or 2 if something has to be fixed before belay run can work.`

/** `belay doctor`: checks everything that a run needs, including `agents`. Makes no paid call. */
export function doctorCommand(io: Io, agents: readonly Agent[]): Command {
  return new Command('doctor')
    .description('Check git, the configuration, the state folder and the agents.')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { readonly json?: boolean }) => {
      const findings = await examine({ cwd: io.cwd, env: io.env, agents })
      const status = worst(findings)
      if (options.json) io.out(JSON.stringify({ status, checks: findings }))
      else for (const line of lines(findings)) io.out(line)
      if (status === 'fail') io.exitCode = 2
    })
}

function worst(findings: readonly Finding[]): Status {
  const all = new Set(findings.map((finding) => finding.status))
  return all.has('fail') ? 'fail' : all.has('warn') ? 'warn' : 'ok'
}

function lines(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ name }) => name.length))
  const count = (status: Status): number => findings.filter((finding) => finding.status === status).length
  return [
    ...findings.flatMap(({ name, status, message, next }) => [
      `${status.padEnd(4)}  ${name.padEnd(width)}  ${printable(message)}`,
      ...(next === null ? [] : [`${' '.repeat(width + 8)}-> ${printable(next)}`]),
    ]),
    `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} to fix`,
  ]
}
