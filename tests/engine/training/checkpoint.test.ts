import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { loadCheckpoint, saveCheckpoint, type CheckpointHead } from '../../../src/engine/training/checkpoint'
import { temporaryFolder } from '../run/support'

const head: CheckpointHead = {
  key: 'k',
  epoch: 2,
  steps: 20,
  rate: 0.1,
  bestEpoch: 1,
  bestScore: null,
  sinceBest: 1,
  curve: [
    { epoch: 0, loss: NaN },
    { epoch: 1, loss: 0.5, quality: 0.9 },
  ],
}
const arrays = [Float32Array.of(1, 2, 3), Float32Array.of(4)]

test('what is saved is loaded, figures that JSON does not have included', () => {
  const folder = temporaryFolder()
  saveCheckpoint(folder, head, arrays)
  expect(loadCheckpoint(folder, 'k', [3, 1])).toEqual({ head, arrays })
  expect(loadCheckpoint(folder, 'other', [3, 1])).toBeUndefined()
  expect(loadCheckpoint(folder, 'k', [3, 2])).toBeUndefined()
})

test.each(['null', '[]', '{', '5', '{"key":"k","lengths":null}', '{"key":"k","lengths":[3,1]}'])(
  'a checkpoint that begins with %s is none',
  (line) => {
    const folder = temporaryFolder()
    saveCheckpoint(folder, head, arrays)
    const file = path.join(folder, fs.readdirSync(folder)[0]!)
    const bytes = fs.readFileSync(file)
    fs.writeFileSync(file, Buffer.concat([Buffer.from(line), bytes.subarray(bytes.indexOf(10))]))
    expect(loadCheckpoint(folder, 'k', [3, 1])).toBeUndefined()
  },
)
