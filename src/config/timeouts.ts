/** How long commands and turns may take where nothing else is said. */
export const DEFAULT_TIMEOUTS = { command: '10m', turn: '60m', stall: '10m' } as const
