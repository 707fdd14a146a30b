/** A machine that does not exist, so that verdicts do not depend on the real one. */
import { createPolicy, policyRules, type CommandQuestion, type Preset, type RuleTexts, type Verdict } from '../index.ts'

export const WORKSPACE = '/w/project'

/** Symbolic links of that machine, by path. */
const LINKS: Readonly<Record<string, string>> = {
  '/w/project/out': '/etc',
  '/w/project/up': '..',
  '/w/project/keys': '/home/me/.ssh',
  '/w/project/inner': 'src/deep',
  '/w/project/loop': 'loop',
  '/w/project/linked/init.sh': '/opt/evil.sh',
  '/w/link': '/w/project',
}

export interface Options extends Partial<Omit<CommandQuestion, 'command'>> {
  readonly presets?: readonly Preset[]
  readonly rules?: Partial<RuleTexts>
}

/** The verdict on `command` on that machine. */
export function judged(command: string, { presets = [], rules = {}, ...question }: Options = {}): Verdict {
  const policy = createPolicy(policyRules({ commands: { allow: [], ask: [], deny: [], ...rules }, presets }), {
    home: '/home/me',
    state: '/home/me/.local/state/belay',
    config: '/home/me/.config/belay',
    readLink: (path) => LINKS[path] ?? null,
  })
  return policy.judge({
    command,
    cwd: WORKSPACE,
    workspace: WORKSPACE,
    access: 'workspace-write',
    confined: false,
    ...question,
  })
}
