/** Random small graphs as C and in ONNX Runtime. `PARE_FUZZ=3000` for more, `PARE_SEED` for others. */
import { describe, expect, test } from 'vitest'
import { seeded, type Random } from '../../../../src/engine/math/random'
import { Tensor, type Model } from '../../../../src/engine/onnx'
import { float32, type Values } from '../../../../src/engine/runtime'
import { Net } from '../../passes/pruning/build'
import { allApart, compiler, linked, SANITIZED, TRAPPED, WITHOUT } from './support'

const COUNT = Number(process.env.PARE_FUZZ ?? 300)
/** In one program, and one unit of a compiler. */
const BATCH = 50
const SEED = Number(process.env.PARE_SEED ?? 1)

interface Value {
  name: string
  dims: number[]
}

const ints = (values: readonly number[]): { ints: readonly number[] } => ({ ints: values })
const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!

const UNARY = [
  'Relu',
  'Sigmoid',
  'Tanh',
  'Neg',
  'Abs',
  'Softplus',
  'HardSwish',
  'Erf',
  'Elu',
  'Gelu',
  'Sin',
  'Floor',
  'Softsign',
  'Selu',
]

/** Grows a graph by one operator; all of them keep values in sight of zero. */
type Grow = (net: Net, random: Random, x: Value, all: readonly Value[]) => Value | undefined

const GROW: readonly Grow[] = [
  (net, random, x) => ({ name: net.op(pick(random, UNARY), [x.name]), dims: x.dims }),
  (net, random, x, all) => {
    const other = pick(
      random,
      all.filter(({ dims }) => dims.join() === x.dims.join()),
    )
    return {
      name: net.op(pick(random, ['Add', 'Sub', 'Mul', 'Max', 'Min']), [x.name, other.name]),
      dims: x.dims,
    }
  },
  (net, random, x) => {
    const dims = x.dims.map((dim) => (random.below(2) ? dim : 1)).slice(random.below(x.dims.length))
    return { name: net.op(pick(random, ['Add', 'Mul', 'Sub']), [x.name, net.weight(dims)]), dims: x.dims }
  },
  (net, random, x) => {
    if (x.dims.length !== 4) return undefined
    const [n, c, h, w] = x.dims as [number, number, number, number]
    const group = random.below(3) === 0 ? c : 1
    const out = group === 1 ? 1 + random.below(6) : c
    const [k, s, d] = [1 + random.below(3), 1 + random.below(2), 1 + random.below(2)]
    const pads = [random.below(3), random.below(3), random.below(3), random.below(3)]
    const size = (input: number, pad: number): number => Math.floor((input + pad - (k - 1) * d - 1) / s) + 1
    const dims = [n, out, size(h, pads[0]! + pads[2]!), size(w, pads[1]! + pads[3]!)]
    if (dims.some((dim) => dim < 1)) return undefined
    const inputs = [
      x.name,
      net.weight([out, c / group, k, k]),
      ...(random.below(2) ? [net.weight([out])] : []),
    ]
    return {
      name: net.op('Conv', inputs, {
        group: { int: group },
        pads: ints(pads),
        strides: ints([s, s]),
        dilations: ints([d, d]),
      }),
      dims,
    }
  },
  (net, random, x) => {
    if (x.dims.length !== 4) return undefined
    const [n, c, h, w] = x.dims as [number, number, number, number]
    if (h < 2 || w < 2) return undefined
    const attributes = {
      kernel_shape: ints([2, 2]),
      strides: ints([1 + random.below(2), 1]),
      ceil_mode: { int: random.below(2) },
    }
    const stride = attributes.strides.ints[0]!
    const high = (attributes.ceil_mode.int ? Math.ceil : Math.floor)((h - 2) / stride) + 1
    return {
      name: net.op(pick(random, ['MaxPool', 'AveragePool']), [x.name], attributes),
      dims: [n, c, high, w - 1],
    }
  },
  (net, random, x) => {
    const order = random.shuffle(x.dims.map((_, i) => i))
    return {
      name: net.op('Transpose', [x.name], { perm: ints(order) }),
      dims: order.map((axis) => x.dims[axis]!),
    }
  },
  (net, random, x) => {
    const axis = random.below(x.dims.length)
    const dims = x.dims.with(axis, 1)
    return {
      name: net.op(pick(random, ['ReduceMean', 'ReduceMax', 'ReduceL2']), [x.name, net.ints([axis])]),
      dims,
    }
  },
  (net, random, x) => {
    const axis = random.below(x.dims.length)
    return {
      name: net.op(pick(random, ['Softmax', 'LogSoftmax']), [x.name], { axis: { int: axis } }),
      dims: x.dims,
    }
  },
  (net, random, x, all) => {
    const axis = random.below(x.dims.length)
    const fits = all.filter(
      ({ dims }) => dims.length === x.dims.length && dims.every((dim, i) => i === axis || dim === x.dims[i]),
    )
    const other = pick(random, fits)
    return {
      name: net.op('Concat', [x.name, other.name], { axis: { int: axis } }),
      dims: x.dims.with(axis, x.dims[axis]! + other.dims[axis]!),
    }
  },
  (net, random, x) => {
    const axis = random.below(x.dims.length)
    const size = x.dims[axis]!
    if (size < 2) return undefined
    const start = random.below(size - 1)
    const inputs = [x.name, net.ints([start]), net.ints([size]), net.ints([axis])]
    return { name: net.op('Slice', inputs), dims: x.dims.with(axis, size - start) }
  },
  (net, random, x) => {
    const pads = x.dims.flatMap(() => [random.below(2)])
    const inputs = [x.name, net.ints([...pads, ...pads]), net.constant('v', Tensor.float32([], [0.5]))]
    return { name: net.op('Pad', inputs), dims: x.dims.map((dim, i) => dim + 2 * pads[i]!) }
  },
  (net, random, x) => {
    const inputs = x.dims.at(-1)!
    const out = 1 + random.below(8)
    return {
      name: net.op('MatMul', [x.name, net.weight([inputs, out])]),
      dims: [...x.dims.slice(0, -1), out],
    }
  },
  (net, random, x) => {
    const size = x.dims.reduce((a, b) => a * b, 1)
    const dims = x.dims.length === 4 && random.below(3) ? x.dims.with(-1, x.dims[3]!) : [1, size]
    return { name: net.op('Reshape', [x.name, net.ints(dims)]), dims }
  },
  (net, _, x) => ({
    name: net.op('LayerNormalization', [x.name, net.weight([x.dims.at(-1)!])]),
    dims: x.dims,
  }),
]

function graph(seed: number): { model: Model; dims: number[] } {
  const random = seeded(seed)
  const net = new Net(seed, 20)
  const dims = random.below(3)
    ? [1, 1 + random.below(4), 3 + random.below(8), 3 + random.below(8)]
    : [1, 2 + random.below(6), 2 + random.below(9)]
  const all: Value[] = [{ name: net.input('x', dims), dims }]
  for (let i = 0; i < 10; i++) {
    const x = random.below(3) ? all.at(-1)! : pick(random, all)
    const grown = pick(random, GROW)(net, random, x, all)
    if (grown && grown.dims.reduce((a, b) => a * b, 1) < 4000) all.push(grown)
  }
  const ends = all.slice(1).filter(({ name }) => net.model.graph.consumers(name).length === 0)
  if (ends.length === 0) ends.push({ name: net.op('Relu', ['x']), dims })
  for (const end of ends) net.output(end.name, end.dims.length)
  return { model: net.model, dims }
}

/** What can go patch by patch does so in every other graph. */
function beside(seed: number): { model: Model; samples: Values[]; ram?: number } {
  const { model, dims } = graph(seed)
  const random = seeded(seed + 7)
  const size = dims.reduce((a, b) => a * b, 1)
  const samples = [1, 2].map((): Values => ({
    x: float32(
      dims,
      Float32Array.from({ length: size }, () => random.normal()),
    ),
  }))
  return { model, samples, ...(seed % 2 && { ram: 0 }) }
}

describe.skipIf(!compiler)(`random graphs${WITHOUT}`, () => {
  const seeds = Array.from({ length: COUNT }, (_, i) => SEED * 1000 + i)
  const batches = Array.from({ length: Math.ceil(COUNT / BATCH) }, (_, i) =>
    seeds.slice(i * BATCH, (i + 1) * BATCH),
  )
  const quick = linked(compiler, TRAPPED)
  const flags = quick.length > 0 ? quick : SANITIZED
  test.each(batches)('seeds from %i on', async (...batch) => {
    const found = await allApart(batch.map(beside), flags)
    expect(batch.filter((_, i) => !(found[i]!.most < 2e-4))).toEqual([])
  })
})
