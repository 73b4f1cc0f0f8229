/** The comparison that `pare compress --json` and `pare compare --json` print, as a table in Markdown. */
const UNITS = ['B', 'kB', 'MB', 'GB']

function bytes(n) {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(n || 1) / 3)))
  return `${Number((n / 1000 ** power).toPrecision(3))} ${UNITS[power]}`
}
const digits = (n) => String(Number(n.toPrecision(3)))
/** Cells are of one line, and a bar would begin the next. */
const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
const row = (...cells) => `| ${cells.map(cell).join(' | ')} |\n`

export function summaryOf({ original, candidate, limits, error }) {
  if (error)
    return `### Pare\n\n**${cell(error.message.title)}** ${cell(error.message.what)} ${cell(error.message.todo)}\n`
  const { metric, split, samples } = original.quality
  const quality = `${metric} (${samples} ${split === 'random' ? 'random inputs: likeness, quality unknown' : `samples of ${split}`})`
  const time = candidate.latencyRatio
  const missed = limits?.missed ?? []
  return [
    '### Pare\n\n',
    row('', 'original', 'compressed', 'change'),
    row('---', '---:', '---:', '---:'),
    row(
      'file',
      bytes(original.bytes),
      bytes(candidate.bytes),
      `${digits(original.bytes / candidate.bytes)}× smaller`,
    ),
    row(
      'download',
      bytes(original.downloadBytes),
      bytes(candidate.downloadBytes),
      `${digits(original.downloadBytes / candidate.downloadBytes)}× smaller`,
    ),
    row(
      quality,
      digits(original.quality.value),
      digits(candidate.quality.value),
      candidate.qualityChange
        ? `${digits(candidate.qualityChange.value)} (95% ${candidate.qualityChange.interval.map(digits).join(' to ')})`
        : '',
    ),
    row(
      'latency on this machine',
      `${digits(original.latencyMs.p50)} ms`,
      `${digits(candidate.latencyMs.p50)} ms`,
      time ? `${digits(time.value)}× the time (95% ${time.interval.map(digits).join(' to ')})` : '',
    ),
    limits && (missed.length === 0 ? '\nWithin all limits.\n' : ''),
    ...missed.map(({ sentence }) => `\n- ❌ ${cell(sentence)}`),
    '\n',
  ]
    .filter(Boolean)
    .join('')
}
