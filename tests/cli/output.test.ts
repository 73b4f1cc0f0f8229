import { expect, test } from 'vitest'
import { bytes, count, milliseconds, number, ProgressLine, seconds, table } from '../../src/cli/output'

test('three significant digits and a unit', () => {
  expect([0, 999, 1000, 999_500, 1_725_672, 2.5e9].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1 kB',
    '1 MB',
    '1.73 MB',
    '2.5 GB',
  ])
  expect([25_601, 431_080, 2_293_000].map(count)).toEqual(['25.6 k', '431 k', '2.29 M'])
  expect([0.0907, 0.2374, 12.345, 1234.5].map(milliseconds)).toEqual([
    '90.7 µs',
    '237 µs',
    '12.3 ms',
    '1.23 s',
  ])
  expect([0.168, 12.34, 59.96, 125].map(seconds)).toEqual(['0.168 s', '12.3 s', '60 s', '2 min 5 s'])
  expect([Infinity, NaN].map(number)).toEqual(['–', '–'])
})

test('a table lines up', () => {
  expect(
    table([
      ['', 'original', 'small'],
      ['file', '1.73 MB', '443 kB'],
    ]),
  ).toBe('      original   small\nfile   1.73 MB  443 kB')
})

function stream(isTTY: boolean) {
  const written: string[] = []
  const fake = { isTTY, columns: 60, write: (text: string) => written.push(text) > 0 }
  return { written, line: new ProgressLine(fake as unknown as NodeJS.WriteStream) }
}

test('on a terminal one line is written over and never wraps', () => {
  const { written, line } = stream(true)
  line.update({ done: 0.5, doing: 'Quantizing', etaSeconds: 75 })
  line.update({ done: 0.51, doing: 'x'.repeat(100) })
  line.say('done')
  expect(written[0]).toContain('50% Quantizing · 1 min 15 s left')
  expect(written.every((text) => !text.slice(0, -1).includes('\n'))).toBe(true)
  expect(written[1]!.replace('\r\u001b[2K', '').length).toBeLessThan(60)
  expect(written.at(-1)).toBe('done\n')
})

test('elsewhere there is one plain line for each thing that is done', () => {
  const { written, line } = stream(false)
  for (let i = 0; i < 10; i++) line.update({ done: i / 10, doing: `Quality: ${i} of 10 samples` })
  line.update({ done: 1, doing: 'Measured' })
  expect(written).toEqual(['  0% Quality: 0 of 10 samples\n', '100% Measured\n'])
})
