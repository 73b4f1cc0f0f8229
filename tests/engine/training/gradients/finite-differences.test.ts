/** Every rule against central finite differences of what ONNX Runtime computes forward. */
import { describe, expect, test } from 'vitest'
import { Model, sizeOf, Tensor } from '../../../../src/engine/onnx'
import { seeded } from '../../../../src/engine/math/random'
import { float32, openSession, withSession, type Values } from '../../../../src/engine/runtime'
import { buildTrainingGraph } from '../../../../src/engine/training/graph'
import { differentiableOperators } from '../../../../src/engine/training/gradients'
import { CASES, type Case, type CaseInput } from './cases'
import { RECURRENT } from './recurrent-cases'

/** Rules that are not derivatives by design; the tests of quantization look after them. */
const STRAIGHT_THROUGH = ['Round', 'QuantizeLinear', 'DequantizeLinear'].flatMap((op) => [
  op,
  `com.microsoft::${op}`,
])
/** Flat almost everywhere; or rules shared with a tested sibling that this ONNX Runtime has no kernel for. */
const WITHOUT_CASE = ['Floor', 'Ceil', 'Sign', 'Swish']

function numbers(input: CaseInput, random: ReturnType<typeof seeded>): Float32Array {
  const count = sizeOf(input.dims)
  if (typeof input.fill === 'object') return Float32Array.from(input.fill)
  // 'spread' values are all different by more than the step and away from 0, 1 and other kinks.
  const spread = random.shuffle(Array.from({ length: count }, (_, i) => ((i + 0.35) / count) * 4 - 2))
  return Float32Array.from({ length: count }, (_, i) => {
    if (input.fill === 'positive') return 0.5 + 1.5 * random.next()
    if (input.fill === 'spread') return spread[i]!
    return random.normal()
  })
}

interface Built {
  title: string
  model: Model
  learns: string[]
}

function build(one: Case): Built {
  const random = seeded(7)
  const model = new Model()
  model.importOpset('', one.opset ?? 18)
  if (one.domain) model.importOpset(one.domain, 1)
  const names = one.inputs.map((input, i) => {
    if (!input) return ''
    model.graph.initializers.set(
      `in${i}`,
      Tensor.of(input.dtype ?? 'float32', input.dims, numbers(input, random)),
    )
    return `in${i}`
  })
  const outputs = Array.from({ length: one.outputs ?? 1 }, (_, i) => (i === (one.reads ?? 0) ? 'y' : `y${i}`))
  model.graph.addNode({
    opType: one.op,
    domain: one.domain,
    inputs: names,
    outputs,
    attributes: one.attributes,
  })
  model.graph.outputs.push({ name: 'y', dtype: 'float32' })
  // A sample axis of one, so that any shape can be compared as a whole.
  const learns = names.filter((name, i) => name !== '' && one.inputs[i]!.learns !== false)
  return { title: one.title, model, learns }
}

/** y = 0 where x lies outside of what is `left`, else op(x): forward the operator is computed there all the same. */
function besides(op: string, x: readonly number[], left: ['Less' | 'Greater', number], of: string[]): Built {
  const model = new Model()
  model.importOpset('', 18)
  const { graph } = model
  graph.initializers.set('x', Tensor.of('float32', [x.length], Float32Array.from(x)))
  for (const [name, value] of Object.entries({ zero: 0, half: 0.5, third: -1 / 3, one: 1, edge: left[1] }))
    graph.initializers.set(name, Tensor.scalar('float32', value))
  graph.addNode({ opType: op, inputs: of, outputs: ['value'] })
  graph.addNode({ opType: left[0], inputs: ['x', 'edge'], outputs: ['isLeft'] })
  graph.addNode({ opType: 'Where', inputs: ['isLeft', 'zero', 'value'], outputs: ['y'] })
  graph.outputs.push({ name: 'y', dtype: 'float32' })
  graph.prune()
  return { title: op, model, learns: ['x'] }
}

/** y = |x| as the root of its square: least at zero. */
function length(op: 'Sqrt' | 'Pow'): Built {
  const model = new Model()
  model.importOpset('', 18)
  const { graph } = model
  graph.initializers.set('x', Tensor.of('float32', [3], Float32Array.of(0, -1, 2)))
  graph.initializers.set('half', Tensor.scalar('float32', 0.5))
  graph.addNode({ opType: 'Mul', inputs: ['x', 'x'], outputs: ['square'] })
  graph.addNode({ opType: op, inputs: op === 'Pow' ? ['square', 'half'] : ['square'], outputs: ['y'] })
  graph.outputs.push({ name: 'y', dtype: 'float32' })
  graph.prune()
  return { title: op, model, learns: ['x'] }
}

/** The model with its learning initializers as inputs. */
function open(model: Model, learns: readonly string[]): Model {
  const clone = model.clone()
  for (const name of learns) {
    clone.graph.inputs.push({ name, dtype: 'float32', dims: clone.graph.initializers.get(name)!.dims })
    clone.graph.initializers.delete(name)
  }
  return clone
}

const STEP = 2e-2

async function check({ title, model, learns }: Built): Promise<void> {
  const values: Values = {}
  for (const name of learns) {
    const tensor = model.graph.initializers.get(name)!
    values[name] = float32(tensor.dims, tensor.floats().slice())
  }
  await withSession(open(model, learns), { optimization: 'disabled' }, async (session) => {
    const y0 = (await session.run(values)).y!
    const random = seeded(3)
    const functional = Float32Array.from({ length: sizeOf(y0.dims) }, () => random.normal())
    // The functional Σ c·y has gradient c; squared error towards y − c·width/2 has the same at y.
    const rows = y0.dims[0] ?? 1
    const width = functional.length / rows
    const target = (y0.data as Float32Array).map((y, i) => y - (functional[i]! * width) / 2)
    const training = await buildTrainingGraph(model, {
      feeds: {},
      trainable: learns,
      loss: { kind: 'squared-error', value: 'y', hard: false, soft: true },
    })
    expect(training.weights).toEqual(learns)
    const backward = await openSession(training.model)
    const feeds = {
      ...values,
      [training.ports.teacher!]: float32(y0.dims, target),
      [training.ports.rows]: float32([rows], new Float32Array(rows).fill(1)),
    }
    const outputs = await backward.run(feeds)
    const given: Values = {}
    learns.forEach((name, w) => {
      const { dims, data } = values[name]!
      given[training.gradients[w]!] = float32(dims, new Float32Array(data.length).fill(NaN))
    })
    await backward.run(feeds, given)
    for (const output in given) expect(given[output]!.data).toEqual(outputs[output]!.data)
    await backward.release()
    const sum = async (): Promise<number> => {
      const y = (await session.run(values)).y!.data as Float32Array
      return y.reduce((total, value, i) => total + value * functional[i]!, 0)
    }
    for (const [w, name] of learns.entries()) {
      const data = values[name]!.data as Float32Array
      const got = outputs[training.gradients[w]!]!
      expect(got.dims).toEqual(values[name]!.dims)
      const expected = new Float64Array(data.length)
      for (let i = 0; i < data.length; i++) {
        const at = data[i]!
        data[i] = at + STEP
        const above = await sum()
        data[i] = at - STEP
        const below = await sum()
        data[i] = at
        expected[i] = (above - below) / (2 * STEP)
      }
      const scale = Math.max(0.1, ...expected.map(Math.abs))
      const worst = Math.max(...expected.map((e, i) => Math.abs(e - (got.data as Float32Array)[i]!)))
      expect(worst / scale, `${title}: gradient of input ${name}`).toBeLessThan(2e-3)
    }
  })
}

describe('gradient rules against finite differences', () => {
  test.each([...CASES, ...RECURRENT])('$title', (one) => check(build(one)))

  test.each([
    besides('Sqrt', [0, -1, 2], ['Less', 0.5], ['x']),
    besides('Log', [0, -1, 2], ['Less', 0.5], ['x']),
    besides('Reciprocal', [0, -1, 2], ['Less', 0.5], ['x']),
    besides('Div', [0, -1, 2], ['Less', 0.5], ['one', 'x']),
    besides('Div', [0, -1, 2], ['Less', 0.5], ['x', 'x']),
    besides('Pow', [0, -1, 2], ['Less', 0.5], ['x', 'half']),
    besides('Pow', [0, -1, 2], ['Less', 0.5], ['x', 'third']),
    besides('Pow', [0, -1, 2], ['Less', 0.5], ['x', 'x']),
    besides('Exp', [100, -1, 2], ['Greater', 80], ['x']),
  ])('$title where its slope has no end, and Where takes another value', check)

  test.each([length('Sqrt'), length('Pow')])('$title of a square at zero', check)

  test('a reduction over axes that the model computes is refused by name, not taken for one over all', async () => {
    const model = new Model()
    model.importOpset('', 18)
    const { graph } = model
    graph.initializers.set('w', Tensor.float32([2, 3], [1, 2, 3, 4, 5, 6]))
    graph.initializers.set('one', Tensor.int64([1]))
    graph.addNode({ opType: 'Neg', inputs: ['one'], outputs: ['axes'] })
    graph.addNode({ opType: 'ReduceSum', name: 'sum', inputs: ['w', 'axes'], outputs: ['y'] })
    graph.outputs.push({ name: 'y', dtype: 'float32' })
    const loss = { kind: 'squared-error', value: 'y', hard: false, soft: true } as const
    await expect(buildTrainingGraph(model, { feeds: {}, trainable: ['w'], loss })).rejects.toMatchObject({
      code: 'model/unsupported-op',
      data: { op: 'ReduceSum (computed axes)', node: 'sum' },
    })
  })

  test('every rule is checked', () => {
    const checked = CASES.map((one) => (one.domain ? `${one.domain}::${one.op}` : one.op))
    const left = differentiableOperators().filter(
      (op) => !checked.includes(op) && !STRAIGHT_THROUGH.includes(op) && !WITHOUT_CASE.includes(op),
    )
    expect(left).toEqual([])
  })
})
