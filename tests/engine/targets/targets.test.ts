/** What every target must hold, and what single ones promise. */
import { describe, expect, test } from 'vitest'
import { checkTarget } from '../../../src/engine/export/checks'
import type { Model } from '../../../src/engine/onnx'
import { findPass } from '../../../src/engine/passes'
import { traceShapes } from '../../../src/engine/runtime'
import { describeTargets, findTarget, TARGETS } from '../../../src/engine/targets'
import { pcNoVnni } from '../../../src/engine/targets/pc-no-vnni'
import { defineTarget } from '../../../src/engine/targets/target'
import { contextOf, noise } from '../passes/quantization/support'
import { perceptron } from '../training/support'

const float = perceptron(5, 32)

const PASSES = {
  'quantize-static': { calibration: 'min-max', maxLoss: 100 },
  'quantize-dynamic': { leastWeights: 0 },
}

async function quantized(pass: keyof typeof PASSES, target: string): Promise<Model> {
  const context = contextOf(float, { x: noise([32, 4]) }, { target: findTarget(target) })
  return (await findPass(pass).run(float, PASSES[pass], context)).model
}

/** Weight codes by layer. */
const codesOf = ({ graph }: Model): number[][] =>
  [...graph.initializers.values()]
    .filter(({ dtype, dims }) => dtype === 'int8' && dims.length === 2)
    .map((tensor) => [...tensor.numbers()])

const largest = (codes: readonly number[]): number => Math.max(...codes.map(Math.abs))

describe.each(TARGETS.map((target) => [target.id, target] as const))('%s', (id, target) => {
  test('is found by its id and its short names, which no other target has', () => {
    for (const name of [id, ...target.aliases]) {
      expect(findTarget(name)).toBe(target)
      expect(TARGETS.filter((one) => one.id === name || one.aliases.includes(name))).toHaveLength(1)
    }
  })

  test('is described with its sources, and says whether its latency is an estimate', () => {
    expect(describeTargets().find((one) => one.id === id)).toEqual(target.description)
    expect(target.description.estimated).toBe(target.device !== undefined)
    expect(target.description.sources.length).toBeGreaterThan(0)
    if (target.int8.weightBits < 8) expect(target.int8.because).toBeTruthy()
  })

  test('looks at a model, and quantizes it with as many bits as it says', async () => {
    const checks = checkTarget(float, target, await traceShapes(float))
    expect(checks.map(({ message }) => message)).toContain('Opset 18: runs from ONNX Runtime 1.14 on.')
    for (const pass of ['quantize-static', 'quantize-dynamic'] as const) {
      const codes = codesOf(await quantized(pass, id))
      expect(codes.length).toBeGreaterThan(0)
      for (const layer of codes) expect(largest(layer)).toBe(2 ** (target.int8.weightBits - 1) - 1)
    }
  })
})

test('an unknown target is refused with those there are', () => {
  let thrown: unknown
  try {
    findTarget('toaster')
  } catch (cause) {
    thrown = cause
  }
  expect(thrown).toMatchObject({
    data: { code: 'target/unknown', target: 'toaster', known: TARGETS.map(({ id }) => id) },
  })
})

test('a declaration without a runtime, with a speed of nothing or an id with blanks is refused', () => {
  const { description: _, provider: __, ...whole } = pcNoVnni
  expect(defineTarget({ ...whole, forms: ['onnx'] }).id).toBe('pc-no-vnni')
  const device = { ...whole.device!, macsPerSecond: 0 }
  for (const wrong of [{ runtime: '' }, { device }, { id: 'PC 1' }, { forms: [] }, { sources: [] }])
    expect(() => defineTarget({ ...whole, ...wrong })).toThrow()
})

/** The worst sum of VPMADDUBSW: two products of unsigned and signed bytes, added before they are cut to 16 bits. */
function worstPair(codes: readonly number[]): number {
  const sizes = codes.map(Math.abs).sort((a, b) => b - a)
  return 255 * (sizes[0]! + sizes[1]!)
}

test('of weights made for a PC without VNNI no pair of products leaves 16 bits, of others some do', async () => {
  for (const pass of ['quantize-static', 'quantize-dynamic'] as const) {
    const fits = async (target: string): Promise<boolean[]> =>
      codesOf(await quantized(pass, target)).map((codes) => worstPair(codes) < 2 ** 15)
    expect(await fits('pc-no-vnni')).not.toContain(false)
    expect(await fits('any')).toContain(false)
  }
})

test('a PC without VNNI is warned of weights that can saturate there, and not of its own', async () => {
  const warned = async (pass: keyof typeof PASSES, made: string): Promise<boolean> => {
    const model = await quantized(pass, made)
    const checks = checkTarget(model, pcNoVnni, await traceShapes(model))
    return checks.some(({ message }) => message.includes('saturate at 16 bits'))
  }
  for (const pass of ['quantize-static', 'quantize-dynamic'] as const) {
    expect(await warned(pass, 'raspberry-pi')).toBe(true)
    expect(await warned(pass, 'pc-no-vnni')).toBe(false)
  }
  expect(checkTarget(float, pcNoVnni, new Map()).every(({ ok }) => ok)).toBe(true)
})
