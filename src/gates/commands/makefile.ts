/**
 * The recipe lines of the targets that `make TARGET...` runs, prerequisites first, without make's prefixes. Null: there is no
 * rule for one of the targets, and no include or pattern that could provide it.
 */
export function recipes(makefile: string, targets: readonly string[]): string[] | null {
  const rules = new Map<string, { needs: string[]; lines: string[] }>()
  let first: string | null = null
  let current: string[] = []
  for (const line of makefile.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    if (line.startsWith('\t')) {
      for (const name of current) rules.get(name)?.lines.push(line.slice(1))
      continue
    }
    const rule = /^([^\s:#=][^:#=]*):(?![=:])([^;#]*)(?:;(.*))?/.exec(line)
    if (!rule) {
      if (line.trim() !== '' && !line.startsWith('#')) current = []
      continue
    }
    current = (rule[1] ?? '').trim().split(/\s+/)
    for (const name of current) {
      if (!name.startsWith('.')) first ??= name
      const known = rules.get(name) ?? { needs: [], lines: [] }
      known.needs.push(...(rule[2] ?? '').trim().split(/\s+/).filter(Boolean))
      if (rule[3]) known.lines.push(rule[3])
      rules.set(name, known)
    }
  }
  const open = /^-?include\b|%|^\s*\$\(/m.test(makefile)
  if (!open && targets.some((target) => !rules.has(target))) return null
  const seen = new Set<string>()
  const out: string[] = []
  const visit = (name: string): void => {
    const rule = rules.get(name)
    if (!rule || seen.has(name)) return
    seen.add(name)
    for (const need of rule.needs) visit(need)
    out.push(...rule.lines.map((line) => line.replace(/^[@+\-\s]+/, '')))
  }
  for (const target of targets.length > 0 ? targets : first === null ? [] : [first]) visit(target)
  return out
}
