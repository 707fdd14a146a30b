/**
 * Settings as `--json` prints them, with the keys of belay.yaml (`timeoutMs` becomes `timeout_ms`). Of environment variables
 * only the names are shown, because their values may be secrets.
 */
export function settingsView(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(settingsView)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      key === 'env' && typeof part === 'object' && part !== null ? Object.keys(part) : settingsView(part),
    ]),
  )
}
