import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { World } from '../../test/support/world.ts'

/** An agent that costs nothing but its own start: it writes one file, and passes every change. */
const AGENT = String.raw`request=$(cat)
task=\${request##*'"task":{"handle":"'}
handle=\${task%%'"'*}
title=\${task#*'"title":"'}
title=\${title%%'"'*}
case $request in
'{"role":"reviewer"'*)
  printf '{"type":"result","output":{"taskHandle":"%s","summary":"good","verdict":"pass","overallRisk":"low","findings":[],"acceptanceChecks":[{"criterion":"%s","note":"","status":"pass"}]}}\n' "$handle" "$title" ;;
*)
  echo done > "$handle.txt"
  printf '{"type":"result","output":{"taskHandle":"%s","summary":"did it","status":"implemented","assumptions":[],"notes":[],"unresolvedItems":[],"needsHumanAttention":false}}\n' "$handle" ;;
esac
`.replaceAll('\\$', '$')

/** A repository with `count` tasks for the instant agent. `parallel` marks them with [P], so that they may run in parallel. */
export function instantWorld(count: number, options: { readonly parallel?: boolean } = {}): World {
  const world = new World()
  const tasks = Array.from({ length: count }, (_, n) => {
    const handle = `T${String(n + 1).padStart(4, '0')}`
    return `- [ ] ${handle}${options.parallel ? ' [P]' : ''} Write ${handle}`
  })
  world
    .files({
      'agent.sh': AGENT,
      'belay.yaml':
        'workflow:\n  roles:\n    implementer: {provider: command, command: [/bin/sh, REPO/agent.sh]}\n    reviewer: {provider: command, command: [/bin/sh, REPO/agent.sh]}\n'.replaceAll(
          'REPO',
          world.repo,
        ),
    })
    .feature('001-many', tasks)
    .commit()
  return world
}

/** The two agent calls of a task, started directly with spawn: what the agents alone cost. */
export async function bareAgents(world: World, handle: string): Promise<void> {
  for (const role of ['implementer', 'reviewer']) {
    const request = { role, prompt: 'p'.repeat(2000), output_schema: {}, task: { handle, title: handle }, attempt: 1 }
    const child = spawn('/bin/sh', [join(world.repo, 'agent.sh')], {
      cwd: world.agentDir,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    child.stdout.resume()
    child.stdin.end(JSON.stringify(request))
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`the agent ended with ${code}`)
  }
}
