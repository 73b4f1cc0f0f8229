import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { commandLine, numberOf } from '../../scripts/command-line'

const { argv } = process
const said: string[] = []
beforeEach(() => {
  said.length = 0
  vi.spyOn(process, 'exit').mockImplementation((code) => {
    throw new Error(`exit ${code}`)
  })
  for (const way of ['log', 'error'] as const)
    vi.spyOn(console, way).mockImplementation((text: string) => void said.push(text))
})
afterEach(() => {
  process.argv = argv
  vi.restoreAllMocks()
})

const read = (...words: string[]) => {
  process.argv = ['node', 'tool', ...words]
  return commandLine('the usage', { count: { type: 'string', default: '7' } })
}

test.each(['--help', '-h'])('%s prints the usage', (word) => {
  expect(() => read('models', word, '--unknown')).toThrow('exit 0')
  expect(said).toEqual(['the usage'])
})

test.each([['--unknown'], ['--count'], ['-x']])(
  '%s is refused with the usage, not with a stack',
  (...words) => {
    expect(() => read(...words)).toThrow('exit 2')
    expect(said).toEqual([expect.stringMatching(/^[^\n]+\nthe usage$/)])
  },
)

test('what it knows is read', () => {
  expect(read('models', '--count', '3', 'data')).toMatchObject({
    values: { count: '3' },
    positionals: ['models', 'data'],
  })
  expect(read().values.count).toBe('7')
})

test.each(['', 'many', '-1', '3 or 4'])('“%s” is no number', (text) => {
  expect(numberOf('count', '0.5', 'the usage')).toBe(0.5)
  expect(() => numberOf('count', text, 'the usage')).toThrow('exit 2')
  expect(said).toEqual([`--count is a number, not “${text}”.\nthe usage`])
})
