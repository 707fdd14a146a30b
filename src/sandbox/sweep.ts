import { connect } from './docker/client.ts'
import { sweep } from './docker/container.ts'
import { sweepPlaceholders } from './repositories/placeholders.ts'
import { sweepTools } from './os/bwrap.ts'
import { sweepGroups } from './os/cgroup.ts'

/** A daemon that has not answered by then is ignored. */
const PATIENCE_MS = 5000

/**
 * Removes what sandboxes of killed Belay processes left on this machine: containers, placeholders, temporary folders and
 * control groups. The next sandbox of the same kind does so too. Returns the number of removed containers, 0 if no daemon
 * answers. Throws the errors of a daemon that answers. Safe to repeat, and while other Belay processes work.
 */
export async function sweepSandboxes(): Promise<{ readonly containers: number }> {
  sweepPlaceholders()
  if (process.platform === 'linux') {
    sweepTools()
    sweepGroups()
  }
  const daemon = await connect(PATIENCE_MS)
  return { containers: 'refusal' in daemon ? 0 : await sweep(daemon.docker) }
}
