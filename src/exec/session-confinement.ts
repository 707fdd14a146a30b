import { SessionStore, type Confinement, type Session } from '../sessions/index.ts'
import type { Isolation } from './place.ts'

/** What a call asks for; null: as the session has it. */
export type AskedConfinement = { readonly [Key in keyof Confinement]: Confinement[Key] | null }

/**
 * What the agent may do: what is asked for, else what the session's last turn was allowed (so that a read-only session does not
 * become a writing one), else workspace-write.
 */
export async function confinementOf(
  options: AskedConfinement & { readonly home: string; readonly session: string | null; readonly isolation: Isolation },
): Promise<Confinement> {
  const { home, session, isolation, access, sandbox, network } = options
  const id = session === null ? null : await partOf(session, isolation)
  const kept = id === null ? undefined : (await new SessionStore(home).find(id))?.meta.confinement
  return {
    access: access ?? kept?.access ?? 'workspace-write',
    sandbox: sandbox ?? kept?.sandbox ?? null,
    network: network ?? kept?.network ?? null,
  }
}

async function partOf(session: string, { collaboration, part }: Isolation): Promise<string> {
  if (collaboration !== 'parallel' || part === null) return session
  const { partSession } = await import('./isolation/parts.ts')
  return partSession(session, part)
}

/** Stores it with the session, as the default for its next turn. */
export async function keepConfinement(session: Session, confinement: Confinement): Promise<Confinement> {
  const { access, sandbox, network } = confinement
  const kept = { access, sandbox, network }
  await session.change({ confinement: kept })
  return kept
}
