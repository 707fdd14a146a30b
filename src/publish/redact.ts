/**
 * Secrets that must not leave this machine in an event: keys and tokens, recognised by their shape or because they are in the
 * environment.
 */

const SHAPES: readonly RegExp[] = [
  /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{40,})/g,
  /\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bAIza[\w-]{35}/g,
  /\bey[A-Za-z0-9_-]{10,}\.ey[A-Za-z0-9_-]{10,}\.[\w-]+/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /(?<=\b(?:bearer|basic|token)\s+)[A-Za-z0-9._~+/=-]{16,}/gi,
  /(?<=:\/\/[^\s/:@]{1,100}:)[^\s/@]+(?=@)/g,
  /(?<=\b(?:api[_-]?key|secret|password|passwd|access[_-]?token|auth[_-]?token)["']?\s*[:=]\s*["']?)[^\s"',;]{8,}/gi,
]

const NAMES = /(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|CREDENTIAL|_PAT|_KEY)$/i
const SHORTEST = 8
export const REDACTED = '[redacted]'

/** Returns a function that replaces secrets in a text. Values of variables in `env` with telling names count as secrets too. */
export function redactor(env: Readonly<Record<string, string | undefined>>): (text: string) => string {
  const values = Object.entries(env)
    .flatMap(([name, value]) => (value !== undefined && value.length >= SHORTEST && NAMES.test(name) ? [value] : []))
    .toSorted((a, b) => b.length - a.length)
  return (text) => {
    const known = values.reduce((rest, value) => rest.replaceAll(value, REDACTED), text)
    return SHAPES.reduce((rest, shape) => rest.replace(shape, REDACTED), known)
  }
}
