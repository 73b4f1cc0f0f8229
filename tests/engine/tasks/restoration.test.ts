import { expect, it } from 'vitest'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { restoration } from '../../../src/engine/tasks/restoration'
import fixture from '../../fixtures/restoration/skimage.json'
import { arrayDataset, floats, wires } from '../evaluate/support'

const { height, width, pictures } = fixture
const first = [3, height, width]
const last = [height, width, 3]
/** Channels last instead of first. */
const turned = (values: readonly number[]): number[] =>
  Array.from(values, (_, i) => values[(i % 3) * height * width + Math.floor(i / 3)]!)

it.each([
  ['0 to 1, channels first', first, 255, 0],
  ['0 to 255, channels last', last, 1, 0],
  ['−1 to 1', first, 127.5, -1],
] as const)('equals scikit-image: PSNR and SSIM, values %s', async (_, dims, scale, offset) => {
  const of = (values: readonly number[]): number[] =>
    (dims === last ? turned(values) : [...values]).map((v) => v / scale + offset)
  const [x, labels] = (['pred', 'truth'] as const).map((key) =>
    floats(
      [pictures.length, ...dims],
      pictures.flatMap((picture) => of(picture[key])),
    ),
  )
  const dataset = arrayDataset({ task: 'restoration', inputs: { x: x! }, labels: labels! })
  const { original } = await measureQuality(wires({ x: { dims: ['N', ...dims] } }), [], { dataset })
  expect(original.quality.metric).toBe('psnr')
  expect(original.quality.value).toBeCloseTo(fixture.psnr, 4)
  expect(original.quality.others['ssim']).toBeCloseTo(fixture.ssim, 5)
})

it('equal pictures have the highest value there is, and one that is not finite a low one', async () => {
  const truth = floats(
    [2, ...first],
    pictures.slice(0, 2).flatMap((picture) => picture.truth.map((v) => v / 255)),
  )
  const x = floats([...truth.dims], [...(truth.data as Float32Array)])
  ;(x.data as Float32Array).fill(NaN, 0, first[0]! * height * width)
  const dataset = arrayDataset({ task: 'restoration', inputs: { x }, labels: truth })
  const { original } = await measureQuality(wires({ x: { dims: ['N', ...first] } }), [], { dataset })
  expect(original.samples.score).toEqual([expect.closeTo(0, 6), 100])
  expect(original.nonFinite).toBe(1)
  const compared = restoration.comparison(original.samples)({ ...original.samples, score: [0.05, 90] }, 1)
  expect(compared).toEqual({ changed: true, right: false, was: true })
  expect(restoration.answerText(31.25)).toBe('31.3 dB')
})
