import { describe, expect, test } from 'vitest'
import type { Model } from '../../../../src/engine/onnx'
import type { Divergence } from '../../../../src/engine/evaluate/comparison/divergence'
import {
  keepFloat,
  suspects,
  type KeepFloatProblem,
} from '../../../../src/engine/passes/quantization/keep-float'

/** Noise each of twelve layers adds: two cost nearly all of it, the others each a little. */
const NOISE = Object.fromEntries(
  Array.from({ length: 12 }, (_, i): [string, number] => [
    `l${i}`,
    i === 7 ? 0.5 : i === 3 ? 0.2 : 0.001 + i / 1e5,
  ]),
)
const LAYERS = Object.keys(NOISE)

/** Noises add up; a model is the set of its float layers. */
function problem(limit: number, known?: Record<string, number>) {
  const compared: string[][] = []
  const divergence = (model: Model): Divergence => {
    const floats = model as unknown as ReadonlySet<string>
    const noise = LAYERS.filter((layer) => !floats.has(layer)).reduce((sum, layer) => sum + NOISE[layer]!, 0)
    return {
      points: 100 * noise,
      of: 'variance',
      sqnr: -10 * Math.log10(noise + 1e-12),
      samples: 1,
      finite: true,
    }
  }
  const asked: KeepFloatProblem = {
    layers: LAYERS,
    limit,
    ...(known && { known: () => Promise.resolve(new Map(Object.entries(known))) }),
    build: (floats) => new Set(floats) as unknown as Model,
    evaluate: (model) => Promise.resolve(divergence(model)),
    compare(models) {
      compared.push(models.slice(1).flatMap((model) => [...(model as unknown as Set<string>)]))
      return Promise.resolve(models.map(divergence))
    },
    progress: () => undefined,
  }
  return { asked, compared: () => compared.flat() }
}
const nothing = new Set<string>() as unknown as Model

describe('which layers stay float', () => {
  test('the fewest that hold the limit, the costliest first', async () => {
    const { asked, compared } = problem(25)
    const { floats, gains, after } = await keepFloat(nothing, asked)
    expect(floats).toEqual(['l7'])
    expect(after!.points).toBeLessThanOrEqual(25)
    expect(gains.get('l7')).toBeCloseTo(50)
    expect(compared()).toEqual(LAYERS)
  })

  test('what is known to be harmless is not measured again, and the choice is the same', async () => {
    for (const limit of [25, 5, 0.8]) {
      const without = await keepFloat(nothing, problem(limit).asked)
      const { asked, compared } = problem(limit, NOISE)
      const withKnown = await keepFloat(nothing, asked)
      expect(new Set(withKnown.floats)).toEqual(new Set(without.floats))
      expect(withKnown.after).toEqual(without.after)
      expect(compared()).toEqual(['l3', 'l7'])
    }
  })

  test('only what is missing is measured besides', async () => {
    const { l7: _, l0: __, ...rest } = NOISE
    const { asked, compared } = problem(25, rest)
    expect((await keepFloat(nothing, asked)).floats).toEqual(['l7'])
    expect(compared()).toEqual(expect.arrayContaining(['l0', 'l3', 'l7']))
    expect(compared().length).toBeLessThan(LAYERS.length)
  })

  test('a limit is held also where what was known is wrong', async () => {
    const wrong = Object.fromEntries(LAYERS.map((layer, i) => [layer, i === 0 ? 0.9 : 1e-6]))
    const { asked } = problem(25, wrong)
    const { floats, after } = await keepFloat(nothing, asked)
    expect(after!.points).toBeLessThanOrEqual(25)
    expect(floats).toContain('l7')
  })

  test('a layer that breaks the outputs does not hide the others', () => {
    const { measured } = suspects(
      ['broken', 'bad', 'good'],
      new Map([
        ['broken', 1e20],
        ['bad', 0.4],
        ['good', 1e-4],
      ]),
    )
    expect(measured).toEqual(['broken', 'bad'])
  })
})
