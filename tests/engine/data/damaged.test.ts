/** Damaged files end with a sentence, and nothing that was begun fails afterwards with nobody to hear it. */
import fs from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import { openDataset } from '../../../src/engine/data/open'
import { seeded } from '../../../src/engine/math/random'
import { declares, fixture, temporaryFolder } from './support'

const FILES = fs
  .readdirSync(fixture(''))
  .filter((name) => /\.(parquet|npz|npy|wav|png|jpg|tiff|gif)$/.test(name) && !name.startsWith('disagreeing'))
const MUTANTS = Number(process.env.PARE_ATTACK ?? 30)
const SEED = Number(process.env.PARE_SEED ?? 1)

const stray: unknown[] = []
const listen = (thrown: unknown): void => void stray.push(thrown)
beforeEach(() => {
  stray.length = 0
  process.on('unhandledRejection', listen)
})
afterEach(() => void process.off('unhandledRejection', listen))

/** A code, or 'ok'; other throws than ours are rethrown. */
async function outcome(file: string): Promise<string> {
  const model = declares([['x', ['batch', 3]]], [['y', ['batch', 3]]])
  try {
    await (await openDataset(file, model)).close()
    return 'ok'
  } catch (thrown) {
    if (!(thrown instanceof PareError)) throw thrown
    return thrown.code
  } finally {
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test.each(['columns', 'texts', 'images'])(
  'row groups that do not hold the columns of the schema: %s',
  async (name) => {
    expect(await outcome(fixture(`disagreeing_${name}.parquet`))).toBe('data/unreadable')
    expect(stray).toEqual([])
  },
)

test.each([
  ['columns.parquet', '020000003001', '06000000feffffff0301'],
  ['conforming_columns.parquet', '020000005001', '06000000feffffff0301'],
  ['conforming_lists.parquet', '020000000e01', '06000000feffffff0301'],
])('a run of a thousand million values in %s is no reason to make room for them', async (name, was, is) => {
  const bytes = fs.readFileSync(fixture(name))
  Buffer.from(is, 'hex').copy(bytes, bytes.indexOf(Buffer.from(was, 'hex')))
  const file = path.join(temporaryFolder(), name)
  fs.writeFileSync(file, bytes)
  const model = declares([['x', ['batch', 3]]], [['y', ['batch', 3]]])
  await expect(openDataset(file, model)).rejects.toMatchObject({
    code: 'data/unreadable',
    data: { reason: expect.stringContaining('a run is longer') as string },
  })
})

test.each(FILES)(`${MUTANTS} mutants of %s`, { timeout: 60_000 + MUTANTS * 200 }, async (name) => {
  const whole = fs.readFileSync(fixture(name))
  const random = seeded(SEED).fork(name)
  const folder = temporaryFolder()
  for (let mutant = 0; mutant < MUTANTS; mutant++) {
    const bytes = Buffer.from(whole)
    for (let left = 1 + random.below(4); left > 0; left--) {
      // What says how the rest is to be read stands at the ends of all these formats.
      const edge = Math.min(512, whole.length)
      const at = random.next() < 0.5 ? random.below(whole.length) : whole.length - 1 - random.below(edge)
      bytes[at] = random.below(256)
    }
    const cut = random.next() < 0.1 ? random.below(whole.length) : whole.length
    const file = path.join(folder, `${mutant}${path.extname(name)}`)
    fs.writeFileSync(file, bytes.subarray(0, cut))
    await outcome(file)
    expect(stray, `mutant ${mutant} of ${name}`).toEqual([])
    fs.rmSync(file)
  }
})
