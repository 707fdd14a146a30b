/** How long commands and turns may take, and how long an agent may be silent, unless configured otherwise. */
export const DEFAULT_TIMEOUTS = { command: '10m', turn: '60m', stall: '10m' } as const
