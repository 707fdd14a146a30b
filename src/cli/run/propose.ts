import { agentEnvironment } from '../../agents/environment.ts'
import { detectProject, proposeConfig } from '../../setup/index.ts'
import type { Io } from '../io.ts'

/** What `belay init` would write for this repository. */
export async function proposeFor(io: Io, root: string): Promise<string> {
  const detected = await detectProject(root, { env: agentEnvironment(io.env) })
  return proposeConfig(detected).text
}
