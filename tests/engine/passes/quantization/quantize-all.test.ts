/** The built threads of the engine: the same file as without them, the same errors, and nothing left behind. */
import fs from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { PareError } from '../../../../src/contract/errors'
import { errorOf, failureOf } from '../../../../src/engine/math/parcel'
import * as pools from '../../../../src/engine/math/pool'
import { encodeModel, Tensor, type Model } from '../../../../src/engine/onnx'
import { quantizeWeights } from '../../../../src/engine/passes/quantize-weights'
import { bundled } from '../../../bundled'
import { Net } from '../pruning/build'
import { contextOf, noise } from './support'

let entry: string
let threads = 2
const asked: number[] = []
beforeAll(async () => {
  entry = await bundled('maths-worker')
})

vi.mock('../../../../src/engine/math/pool', async (original) => {
  const real = await original<typeof pools>()
  return {
    ...real,
    // Small models are not given threads otherwise.
    openPool: (most: number) => {
      asked.push(most)
      return real.openPool(threads, { cores: threads, entry })
    },
  }
})

/** Layers of several sizes and kinds, enough weights for threads. */
function network(): Model {
  const net = new Net(3)
  const x = net.input('x', [null, 16, 4, 4])
  const mapped = net.relu(net.conv(net.relu(net.conv(x, 16, 32, 3)), 32, 32, 3, { group: 2 }))
  const flat = net.op('Flatten', [mapped])
  const hidden = net.relu(net.op('Gemm', [flat, net.weight([512, 320], 'wide')]))
  const sum = net.op('Add', [net.gemm(hidden, 320, 96), net.gemm(hidden, 320, 96)])
  net.output(net.gemm(sum, 96, 40), 2)
  return net.model
}

const inputs = { x: noise([48, 16, 4, 4]) }

async function bytesOf(model: Model, params: object, cores: number): Promise<Uint8Array> {
  threads = cores
  const { model: candidate } = await quantizeWeights.run(
    model,
    { maxLoss: 100, ...params },
    contextOf(model, inputs),
  )
  return encodeModel(candidate)
}

describe('two threads', () => {
  test.each([
    { method: 'kmeans' },
    { method: 'kmeans', codebook: 'channel' },
    { method: 'gptq' },
    { method: 'gptq', bits: 2, block: 0 },
    { method: 'awq' },
    { method: 'hqq' },
    { method: 'mse', symmetric: true },
  ])('%o: byte for byte the file of one', async (params) => {
    const model = network()
    const one = await bytesOf(model, params, 1)
    const two = await bytesOf(model, params, 2)
    expect(Buffer.compare(one, two)).toBe(0)
  })

  test.each([
    ['many weights', 2048, 'rtn', true],
    ['few weights', 64, 'rtn', false],
    ['many weights, and products on ONNX Runtime', 2048, 'gptq', false],
  ])('are asked for with %s: %i a side by %s: %s', async (_, side, method, wanted) => {
    const net = new Net(5)
    const x = net.input('x', [null, 1])
    // A Gather has no Hessian, which would take minutes at this size.
    const ids = net.ints([0, 1])
    const rows = [1, 2, 3].map(() => net.op('Gather', [net.weight([side, 1024], 'table'), ids]))
    net.output(net.op('Mul', [net.op('Sum', rows), x]), 2)
    threads = 1
    await quantizeWeights.run(net.model, { method, maxLoss: 100 }, contextOf(net.model, { x: noise([2, 1]) }))
    expect(asked.at(-1)).toBe(wanted ? 3 : 1)
  })

  test('weights that are not numbers are named', async () => {
    const model = network()
    const { initializers } = model.graph
    const wide = [...initializers.keys()].find((name) => name.startsWith('wide'))!
    initializers.set(wide, Tensor.float32([512, 320], new Float32Array(512 * 320).fill(NaN)))
    await expect(bytesOf(model, { method: 'hqq' }, 2)).rejects.toMatchObject({ code: 'model/non-finite' })
  })

  test('cancelling between layers ends the threads', async () => {
    threads = 2
    const model = network()
    let layers = 0
    const progress = (_: number, doing?: string): void => {
      if (doing?.startsWith('layer') && ++layers === 4) throw new PareError('cancelled', { during: 'a test' })
    }
    await expect(
      quantizeWeights.run(model, { maxLoss: 100, method: 'hqq' }, contextOf(model, inputs, { progress })),
    ).rejects.toMatchObject({ code: 'cancelled' })
    expect(layers).toBe(4)
  })
})

const shape = { rows: 8, cols: 64, block: 64, bits: 4 }
const values = noise([8, 64]).data as Float32Array
const task = { values, shape, method: 'hqq', symmetric: false, codebook: 'tensor' } as const
describe('a thread', () => {
  test('throws what its work throws, and then works on', async () => {
    const pool = pools.openPool(2)
    const bad = { ...task, shape: { ...shape, rows: -1 } }
    const expected = await pools.IN_THREAD.run('low-bit', bad).catch((error: unknown) => error)
    const found = await pool.run('low-bit', bad).catch((error: unknown) => error)
    expect(expected).toBeInstanceOf(RangeError)
    expect(found).toBeInstanceOf(RangeError)
    expect((found as Error).message).toBe((expected as Error).message)
    expect(await pool.run('low-bit', task)).toEqual(await pools.IN_THREAD.run('low-bit', task))
    await pool.close()
    const ours = new PareError('cancelled', { during: 'a test' })
    expect(errorOf(structuredClone(failureOf(ours)))).toEqual(ours)
  })

  test('leaves what it is given alone, and takes no more of it than it needs', async () => {
    const pool = pools.openPool(2)
    const model = new Float32Array(4096).fill(7)
    model.set(values, 1000)
    const view = model.subarray(1000, 1000 + values.length)
    const all = await Promise.all(
      Array.from({ length: 5 }, () => pool.run('low-bit', { ...task, method: 'mse', values: view })),
    )
    expect(view).toEqual(values)
    for (const low of all) expect(low).toEqual(all[0])
    await pool.close()
    await expect(pool.run('low-bit', task)).rejects.toThrow('a thread of the engine ended')
  })

  test('loads no ONNX Runtime', () => {
    const seen = new Set<string>()
    const visit = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      const code = fs.readFileSync(file, 'utf8')
      for (const [, id] of code.matchAll(/^(?:import|export)[^;'"(]*["']([^"']+)["']/gm)) {
        expect(id).not.toContain('onnxruntime')
        if (id!.startsWith('.')) visit(path.resolve(path.dirname(file), id!))
      }
    }
    visit(entry)
    expect(seen.size).toBeGreaterThan(1)
  })
})
