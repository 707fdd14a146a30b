/** Reads the words before the one being completed. Shells may or may not split `--flag=value`. */

/** The value of a flag; null if it is not given. */
export function flagIn(typed: readonly string[], flag: string): string | null {
  const whole = typed.findLast((word) => word.startsWith(`${flag}=`))
  if (whole !== undefined) return whole.slice(flag.length + 1)
  const at = typed.lastIndexOf(flag)
  if (at < 0) return null
  return (typed[at + 1] === '=' ? typed[at + 2] : typed[at + 1]) ?? null
}

/** The words that are no flags, the command first. Values of flags may be among them. */
export function positionsIn(typed: readonly string[]): string[] {
  return typed.filter((word) => word !== '=' && !word.startsWith('-'))
}
