import type { Figure, Spread } from './figure.ts'

/** Figures as a table for people. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    show(figure.belay, figure.unit),
    figure.beside === null ? '' : `${show(figure.beside.value, figure.unit)}  ${figure.beside.what}`,
    figure.ratio === null ? '' : `${figure.ratio.toFixed(2)}x`,
    figure.goal === null ? '' : `${figure.goal.met ? 'met' : 'MISSED'}: ${figure.goal.text}`,
    figure.published ?? '',
  ])
  const head = ['figure', 'Belay: median (low..high)', 'beside it', 'ratio', 'goal', 'published elsewhere']
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

function show({ median, low, high }: Spread, unit: Figure['unit']): string {
  const name = unit === 'count' ? '' : ` ${unit}`
  return `${digits(median)}${name} (${digits(low)}..${digits(high)})`
}

function digits(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3)
}
