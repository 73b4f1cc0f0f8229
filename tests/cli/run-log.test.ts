/** What is told on stderr, by its level, and what stands in the log of a run. */
import fs from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { LOG_LEVELS, PROGRESS } from '../../src/cli/output'
import { Session } from '../../src/cli/session'
import { temporaryFolder } from '../engine/run/support'
import { engineHere } from '../engine-here'

test.each(LOG_LEVELS)('level %s', async (level) => {
  const told: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0)
  const file = path.join(temporaryFolder(), 'deep', 'log.txt')
  const session = new Session(() => engineHere())
  session.level = level
  try {
    session.say('before there is a file')
    session.log.open(file)
    await session.run('presets', undefined, 'listing the presets')
    session.say('a sentence')
    session.doubt([{ kind: 'guessing', message: 'it may be wrong' }])
  } finally {
    session.close()
    vi.restoreAllMocks()
  }
  const has = (text: string): boolean => told.some((line) => line.includes(text))
  const rank = LOG_LEVELS.indexOf(level)
  expect([has('it may be wrong'), has('a sentence'), has('listing the presets')]).toEqual([
    rank >= 1,
    rank >= 2,
    rank >= 3,
  ])
  expect(session.doubts).toHaveLength(1)
  const log = fs.readFileSync(file, 'utf8')
  expect(log).toMatch(/^\d{4}-.*Z pare \d+\.\d+\.\d+, Node v/)
  for (const text of ['before there is a file', 'presets: listing', 'a sentence', 'Warning: it may be wrong'])
    expect(log).toContain(text)
})

test.each(PROGRESS)('a doubt is told where progress is told as %s', (style) => {
  const told: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0)
  const session = new Session(() => engineHere())
  session.progress.style = style
  try {
    session.say('a sentence')
    session.doubt([{ kind: 'guessing', message: 'it may be wrong' }])
  } finally {
    session.close()
    vi.restoreAllMocks()
  }
  expect(told.join('')).toContain('Warning: it may be wrong')
  expect(told.join('').includes('a sentence')).toBe(style !== 'none')
})
