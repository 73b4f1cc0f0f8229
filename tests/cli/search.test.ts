import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { addSearch, shareOf } from '../../src/cli/commands/search'
import type { SearchJob, SearchResult, Trial } from '../../src/contract/trial'
import type { RunResult } from '../../src/engine/run/compress'
import { temporaryFolder } from '../engine/run/support'
import { inspection, original, report } from '../renderer/fake/fixtures'
import { run } from './support'

const recipe = (name: string) => ({ pare: 1 as const, name, description: '', steps: [] })
const jobs: SearchJob[] = Array.from({ length: 7 }, (_, i) => ({
  key: `k${i}`,
  round: 0,
  recipe: recipe(`r${i}`),
  why: '',
}))

test('workers that share the list take every job between them, and none twice', () => {
  const shares = [0, 1, 2].map((index) => shareOf(jobs, index, 3))
  expect(shares.flat().sort()).toEqual(jobs.map(({ key }) => key))
  expect(shares[1]).toEqual(['k1', 'k4'])
  expect(shareOf(jobs, 6, undefined)).toEqual(['k6'])
  expect(shareOf(jobs, 7, undefined)).toEqual([])
  expect(shareOf(jobs, 'k3', undefined)).toEqual(['k3'])
  expect(() => shareOf(jobs, 'k9', undefined)).toThrow('no job “k9”')
})

test('what is done keeps its place in the list', () => {
  const [first, ...rest] = jobs
  const later = [{ ...first!, done: true }, ...rest]
  for (const index of [0, 1, 2]) expect(shareOf(later, index, 3)).toEqual(shareOf(jobs, index, 3))
})

const trial = (part: Partial<Trial>): Trial => ({
  key: 'k',
  round: 0,
  recipe: recipe('r'),
  state: 'kept',
  stage: 'search',
  reason: '',
  seconds: 1,
  bytes: 62_000,
  downloadBytes: 60_000,
  quality: original.quality,
  pointsLost: 0.25,
  steps: [],
  ...part,
})

const trials = [
  trial({ key: 'a', recipe: recipe('small'), latencyRatio: 0.5, latencyInterval: [0.48, 0.53] }),
  trial({ key: 'b', recipe: recipe('fine'), downloadBytes: 120_000, pointsLost: undefined }),
]
const result: SearchResult = {
  goal: { kind: 'search', maxDrop: 1, target: 'any', minutes: 30 },
  trials,
  front: ['a', 'b'],
  winner: trials[0],
  rejected: [],
  leftOut: 0,
  originalDownloadBytes: 229_020,
  explanation: 'It is the smallest.',
}
const done = (out: string): { result: SearchResult; run: RunResult } => ({
  result,
  run: {
    original,
    candidates: [
      {
        n: 1,
        folder: out,
        recipe: trials[0]!.recipe,
        report: report({}),
        steps: [],
        files: [path.join(out, 'model.onnx')],
      },
    ],
    failed: [],
  },
})

test('a search gets its limits, tells its trials and prints the trade-off', async () => {
  const out = temporaryFolder()
  const args = [
    'search',
    'm.onnx',
    '--out',
    out,
    '--max-drop',
    '0.5',
    '--max-bytes',
    '1MB',
    '--max-latency',
    '0.5x',
    '--target',
    'ios',
  ]
  const said = await run(addSearch, [...args, '--minutes', '2'], {
    search: (_, { emit }) => {
      emit('trial', { trial: trials[0]! })
      emit('trial', { trial: trial({ recipe: recipe('bad'), state: 'dropped', reason: 'too far off' }) })
      return done(out)
    },
    htmlReport: ({ search }) => `<p>${search!.explanation}</p>`,
  })
  expect(said.input('search')).toMatchObject({
    goal: { maxDrop: 0.5, maxBytes: 1e6, maxLatency: 0.5, minutes: 2, target: 'ios' },
    folder: path.join(out, '.pare'),
    into: out,
    resume: false,
  })
  expect(said.err).toContain('  small: 62 kB as a file, 60 kB to download, losing 0.25 points')
  expect(said.err).toContain('  bad: dropped: too far off')
  expect(said.out).toContain('It is the smallest.')
  expect(said.out).toMatch(
    /60 kB to download\s+losing 0\.25 points\s+2× faster \(95%: 1\.89× to 2\.08×\)\s+small$/m,
  )
  expect(said.out).toMatch(/120 kB to download\s+quality not measured\s+not timed\s+fine$/m)
  expect(said.out).toContain('Times are measured on this machine')
  expect(said.out).not.toContain('estimates from operator costs')
  expect(fs.readFileSync(path.join(out, 'report.html'), 'utf8')).toBe('<p>It is the smallest.</p>')
})

test('with nothing inside the limits the closest lies in closest/, and what is over them is said', async () => {
  const out = temporaryFolder()
  const closest = trial({ bytes: 500_000, pointsLost: 2.5 })
  const { winner: _, ...rest } = result
  const none = { ...rest, goal: { ...result.goal, maxBytes: 295_000 }, closest }
  const said = { out: '', err: '' }
  const searching = run(
    addSearch,
    ['search', 'm.onnx', '--out', out, '--max-bytes', '25%', '--json'],
    {
      inspect: () => ({ ...inspection, bytes: 1_180_000 }),
      search: ({ goal }) => {
        fs.mkdirSync(path.join(out, 'closest'))
        expect(goal.maxBytes).toBe(295_000)
        return { ...done(path.join(out, 'closest')), result: none }
      },
      htmlReport: () => '<p></p>',
    },
    said,
  )
  await expect(searching).rejects.toMatchObject({
    data: {
      code: 'limits/missed',
      missed: [
        'it loses 2.5 points where 1 are allowed (1.5 too many)',
        'its file takes 500 kB, more than the 295 kB allowed (205 kB too many)',
      ],
    },
  })
  expect(fs.existsSync(path.join(out, 'closest', 'report.html'))).toBe(true)
  expect(fs.existsSync(path.join(out, 'report.html'))).toBe(false)
  const printed = JSON.parse(said.out) as { limits: { missed: { limit: string }[] } }
  expect(printed.limits.missed.map(({ limit }) => limit)).toEqual(['quality', 'size'])
})

test.each([
  [['--max-drop', '101'], 'maxDrop'],
  [['--minutes', '0'], 'minutes'],
])('%j is refused with the name of the limit', async (option, name) => {
  const args = ['search', 'm.onnx', '--out', temporaryFolder(), ...option]
  await expect(run(addSearch, args, {})).rejects.toThrow(name)
})

test('listing, trying and merging share one folder and always go on', async () => {
  const out = temporaryFolder()
  const base = ['search', 'm.onnx', '--out', out]
  const listed = await run(addSearch, [...base, '--list-jobs'], { searchList: () => jobs })
  expect(JSON.parse(listed.out)).toMatchObject({ jobs })
  expect(listed.input('searchList')).toMatchObject({ worker: 'list', resume: true })

  const tried = await run(addSearch, [...base, '--job', '1', '--of', '3'], {
    searchList: () => jobs,
    searchStep: ({ share }) => share.keys,
  })
  expect(tried.input('searchStep').share).toEqual({ worker: '1', keys: ['k1', 'k4'] })
  expect(tried.input('searchList').worker).toBe('1')
  expect(tried.out).toBe('2 of 7 jobs were tried.\n')

  const key = 'ab12'.repeat(4)
  const one = await run(addSearch, [...base, '--job', key], {
    searchList: () => [...jobs, { ...jobs[0]!, key }],
    searchStep: ({ share }) => share.keys,
  })
  expect(one.input('searchStep').share).toEqual({ worker: key, keys: [key] })

  const left = await run(addSearch, [...base, '--merge'], { searchMerge: () => ({ left: jobs.slice(3) }) })
  expect(left.out).toMatch(/^4 jobs are left to try/)
  const leftJson = await run(addSearch, [...base, '--merge', '--json'], {
    searchMerge: () => ({ left: jobs.slice(3) }),
  })
  expect(JSON.parse(leftJson.out)).toMatchObject({ left: jobs.slice(3) })

  const merged = await run(addSearch, [...base, '--merge', '--json'], {
    searchMerge: () => done(out),
    htmlReport: () => '',
  })
  const printed = JSON.parse(merged.out) as { search: SearchResult; files: string[] }
  expect(printed.search.front).toEqual(['a', 'b'])
  expect(printed.files.map((file) => path.basename(file))).toEqual([
    'model.onnx',
    'report.html',
    'search.json',
  ])
})
