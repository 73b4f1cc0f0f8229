/** Models of one product whose answers are known by heart, and tables for them. */
import { seeded } from '../../../src/engine/math/random'
import { Tensor, type Model } from '../../../src/engine/onnx'
import { declares } from './support'

/** y = x · weights; `weights` by rows of inputs. */
export function linear(weights: readonly (readonly number[])[]): Model {
  const size = [weights.length, weights[0]!.length]
  const model = declares([['x', ['N', size[0]!]]], [['y', ['N', size[1]!]]])
  model.opsets.set('', 17)
  model.graph.addInitializer('w', Tensor.float32(size, weights.flat()))
  model.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] })
  return model
}

/** Rows of seeded numbers between −1 and 1. */
export function numbers(rows: number, columns: number, seed = 1): number[][] {
  const random = seeded(seed)
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => random.next() * 2 - 1))
}

export const csvOf = (header: readonly string[], rows: readonly (readonly (number | string)[])[]): string =>
  [header, ...rows].map((row) => row.join(',')).join('\n')
