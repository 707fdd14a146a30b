/**
 * Agent programs that are kept running for their next turn, because starting them is slow. A caller that takes turns with
 * `standing` must end them all when its work is over. A program that waits too long ends by itself.
 */
type Close = () => Promise<void>

const closers = new Set<Close>()

/** Registers the function that ends an adapter's standing programs. Safe to repeat with the same function. */
export function onCloseStanding(close: Close): void {
  closers.add(close)
}

/** Ends every standing program of this process. Resolves when they are gone. Safe to repeat. */
export async function closeStanding(): Promise<void> {
  await Promise.all([...closers].map((close) => close()))
}
