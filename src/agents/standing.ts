/**
 * Programs of agents that wait for their next turn, because starting them is slow. Whoever takes turns with `standing` ends
 * them all when the work is over; one that waits too long ends by itself.
 */
type Close = () => Promise<void>

const closers = new Set<Close>()

/** Names what ends the standing programs of an adapter. Safe to repeat with the same function. */
export function onCloseStanding(close: Close): void {
  closers.add(close)
}

/** Ends every standing program of this process and resolves when they are gone. Safe to repeat. */
export async function closeStanding(): Promise<void> {
  await Promise.all([...closers].map((close) => close()))
}
