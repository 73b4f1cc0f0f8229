/** What an entry of the bench gives, and how it is shown. */
export interface Figure {
  what: string
  value: number
  /** '×' for ratios from one run, 'MB', 's', … */
  unit: string
  /** Decimals shown; by default 2 below 10 and none above. */
  digits?: number
  /** The value asked for, where there is one. */
  wanted?: { atLeast?: number; atMost?: number }
}

export interface Entry {
  /** One line. */
  about: string
  /** `chosen` narrows it to parts of it, where an entry has such. Figures come at once or as they are measured. */
  run(chosen: readonly string[]): Promise<Figure[]> | AsyncIterable<Figure>
}

export const holds = ({ value, wanted }: Figure): boolean =>
  value >= (wanted?.atLeast ?? -Infinity) && value <= (wanted?.atMost ?? Infinity)

export function line(figure: Figure): string {
  const { what, value, unit, wanted, digits = value < 10 ? 2 : 0 } = figure
  const goal =
    wanted?.atLeast !== undefined
      ? `≥ ${wanted.atLeast}`
      : wanted?.atMost !== undefined
        ? `≤ ${wanted.atMost}`
        : ''
  const mark = goal === '' ? '' : holds(figure) ? '  ok' : '  MISSED'
  return `  ${what.padEnd(58)} ${value.toFixed(digits).padStart(8)} ${unit.padEnd(3)} ${goal}${mark}`
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}

/** Seconds that `work` takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}
