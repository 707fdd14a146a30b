import { connect } from './docker/client.ts'
import { sweep } from './docker/container.ts'
import { sweepPlaceholders } from './repositories/placeholders.ts'
import { sweepTools } from './os/bwrap.ts'
import { sweepGroups } from './os/cgroup.ts'

/** A daemon that does not answer by then has nothing for us. */
const PATIENCE_MS = 5000

/**
 * Removes what sandboxes of Belays that were killed left on this machine: containers, empty folders that were held, temporary
 * folders and control groups. The next sandbox of the same kind does so, too. Returns how many containers went; where no daemon
 * answers there is none to ask. Throws what a daemon that answers says. Safe to repeat, and while other Belays work.
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
