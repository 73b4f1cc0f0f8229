/** What the command line prints: calm tables with three significant digits, one progress line, or one JSON document. */
import type { TargetCheck } from '../contract/project'
import { threeDigits } from '../contract/format'
import { errorMessage } from '../contract/messages'
import type { ErrorData } from '../contract/errors'

export const number = (value: number): string =>
  !Number.isFinite(value)
    ? '–'
    : Math.abs(value) >= 1000
      ? Math.round(value).toLocaleString('en')
      : threeDigits(value)

export {
  formatBytes as bytes,
  formatCount as count,
  formatMicrojoules as microjoules,
  formatMilliseconds as milliseconds,
} from '../contract/format'

export const seconds = (value: number): string =>
  value < 60 ? `${number(value)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`

/** Columns padded to their widest cell; all but the first are aligned to the right. */
export function table(rows: readonly (readonly string[])[], align: 'left' | 'right' = 'right'): string {
  const widths = rows.reduce<number[]>((all, row) => {
    row.forEach((cell, i) => (all[i] = Math.max(all[i] ?? 0, cell.length)))
    return all
  }, [])
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 || align === 'left' ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The same in Markdown; the first row is the head. */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

/** Exactly one JSON document on stdout. */
export const printJson = (value: unknown): void =>
  void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)

export const print = (text: string): void => void process.stdout.write(`${text}\n`)

export function printError(error: ErrorData): void {
  const { title, what, where, todo } = errorMessage(error)
  const place = where && !what.includes(where) ? `\n  where: ${where}` : ''
  const told = what.startsWith(title) ? what : `${title}. ${what}`
  process.stderr.write(`pare: ${told}${place}\n  what to do: ${todo}\n`)
}

const BAR = 24

/** How progress is told: to people, a JSON document a line to programs, or not at all. */
export const PROGRESS = ['text', 'json', 'none'] as const
export type ProgressStyle = (typeof PROGRESS)[number]

/** What is told on stderr: of each what is before it too. */
export const LOG_LEVELS = ['error', 'warning', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** One line that is written over on a terminal; plain lines, not more than one a step, otherwise. Always stderr. */
export class ProgressLine {
  style: ProgressStyle = 'text'
  /** Sentences are told, but no progress. */
  silent = false
  private last = ''
  private shown = false

  constructor(private readonly stream: NodeJS.WriteStream = process.stderr) {}

  update(progress: { done: number; doing: string; etaSeconds?: number }): void {
    const { done, doing, etaSeconds } = progress
    if (this.silent) return
    if (this.style !== 'text') return this.line(progress)
    const percent = `${Math.floor(done * 100)}%`.padStart(4)
    const eta = etaSeconds === undefined ? '' : ` · ${seconds(etaSeconds)} left`
    if (!this.stream.isTTY) {
      // Counts change all the time; a new line only where something else begins.
      const kind = doing.replace(/\d+/g, '')
      if (kind === this.last) return
      this.last = kind
      this.stream.write(`${percent} ${doing}${eta}\n`)
      return
    }
    const full = Math.round(done * BAR)
    const line = `${'█'.repeat(full)}${'░'.repeat(BAR - full)}${percent} ${doing}${eta}`
    this.stream.write(`\r\u001b[2K${line.slice(0, (this.stream.columns ?? 80) - 1)}`)
    this.shown = true
  }

  /** A line that stays, above the progress. */
  say(text: string): void {
    if (this.style !== 'text') return this.line({ says: text })
    this.clear()
    this.stream.write(`${text}\n`)
  }

  /** A sentence that is no progress, and is told in every style. */
  warn(text: string): void {
    if (this.style === 'json') return this.line({ says: text })
    this.clear()
    this.stream.write(`${text}\n`)
  }

  private line(value: unknown): void {
    if (this.style === 'json') this.stream.write(`${JSON.stringify(value)}\n`)
  }

  clear(): void {
    if (this.shown) this.stream.write('\r\u001b[2K')
    this.shown = false
  }
}

export const checkLine = ({ ok, severity, message }: TargetCheck): string =>
  `${ok ? 'ok' : severity}: ${message}`
