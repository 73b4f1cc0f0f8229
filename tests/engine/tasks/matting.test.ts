import { expect, it } from 'vitest'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import fixture from '../../fixtures/matting/sod.json'
import { arrayDataset, floats, wires } from '../evaluate/support'

const { height, width, maps } = fixture
const dims = [maps.length, 1, height, width]
const labels = floats(
  dims,
  maps.flatMap(({ truth }) => truth),
)

it('equals PySODMetrics: mean absolute error and the largest F-measure', async () => {
  const x = floats(
    dims,
    maps.flatMap(({ pred }) => pred.map((v) => v / 255)),
  )
  const dataset = arrayDataset({ task: 'matting', inputs: { x }, labels })
  const { original } = await measureQuality(wires({ x: { dims: ['N', 1, height, width] } }), [], { dataset })
  expect(original.quality).toMatchObject({ metric: 'matteMae', higherIsBetter: false, samples: maps.length })
  expect(original.quality.value).toBeCloseTo(fixture.mae, 6)
  expect(original.quality.others['matteF']).toBeCloseTo(fixture.maxF, 6)
  expect(original.reweighted(new Float64Array(maps.length).fill(1))).toBeCloseTo(fixture.mae, 6)
})

it('reads logits through a sigmoid', async () => {
  const x = floats(
    dims,
    maps.flatMap(({ truth }) => truth.map((v) => (v ? 30 : -30))),
  )
  const dataset = arrayDataset({ task: 'matting', inputs: { x }, labels })
  const { original } = await measureQuality(wires({ x: { dims: ['N', 1, height, width] } }), [], { dataset })
  expect(original.quality.value).toBeCloseTo(0, 9)
  expect(original.output.reason).toContain('logit')
})
