/** Read and written again, a model computes the same to the bit, and nothing of it is lost. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeModel,
  encodeModel,
  Graph,
  Model,
  Node,
  readModel,
  Tensor,
  type AttributeInput,
} from '../../../src/engine/onnx'
import { randomFeeds, withSession, workingFeeds, type Values } from '../../../src/engine/runtime'
import { ort } from '../../../src/engine/runtime/ort'
import { hasReference, reference, REFERENCE_MODELS } from '../../reference'
import { bytes, int, packed, port, tensor, text } from './build'

const outputs = (model: Model, feeds: Values): Promise<Values> =>
  withSession(model, { optimization: 'disabled', threads: 1 }, (session) => session.run(feeds))

async function expectSame(model: Model, feeds?: Values): Promise<Model> {
  const back = decodeModel(encodeModel(model))
  const input = feeds ?? (await workingFeeds(model, { batch: 2 }))
  expect(await outputs(back, input)).toEqual(await outputs(model, input))
  // Compared as buffers: a matcher would walk the megabytes one by one.
  const again = encodeModel(back)
  expect(Buffer.compare(again, encodeModel(decodeModel(again)))).toBe(0)
  return back
}

describe('reference models', () => {
  test.runIf(hasReference).each(REFERENCE_MODELS)('%s: bit-identical', async (name) => {
    const file = reference('models', `${name}.onnx`)
    const model = readModel(file)
    const feeds = await workingFeeds(model, { batch: 2 })
    const truth = await withSession(file, { optimization: 'disabled', threads: 1 }, (session) =>
      session.run(feeds),
    )
    expect(await outputs(model, feeds)).toEqual(truth)
    await expectSame(model, feeds)
  })

  test
    .runIf(hasReference)
    .each(['cnn1d.fp16', 'cnn1d.static_minmax_pc', 'lenet5.static_minmax_pc', 'mlp.static_minmax_pc'])(
    'as other tools wrote them: %s',
    async (name) => {
      const back = await expectSame(readModel(reference('peer', `${name}.onnx`)))
      back.graph.sort()
      await expectSame(back)
    },
  )
})

function build(): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: ['n', 3] }]
  model.graph.outputs = [{ name: 'y' }]
  return model
}

function graph(name: string, nodes: Node[], outs: string[], ins: Graph['inputs'] = []): Graph {
  const inner = new Graph()
  inner.name = name
  inner.nodes = nodes
  inner.inputs = ins
  inner.outputs = outs.map((out) => ({ name: out, dtype: 'float32' as const }))
  return inner
}

describe('inner graphs, functions, sparse weights', () => {
  test('If and Loop with values captured from outside', async () => {
    const model = build()
    const g = model.graph
    g.initializers.set('w', Tensor.float32([3], [1, 2, 3]))
    g.initializers.set('zero', Tensor.scalar('float32', 0))
    g.addNode({ opType: 'ReduceSum', inputs: ['x'], outputs: ['sum'], attributes: { keepdims: { int: 0 } } })
    g.addNode({ opType: 'Greater', inputs: ['sum', 'zero'], outputs: ['up'] })
    const branch = (op: string): AttributeInput => ({
      type: 'graph',
      value: graph(op, [new Node({ opType: op, inputs: ['x', 'w'], outputs: [`${op}_y`] })], [`${op}_y`]),
    })
    g.addNode({
      opType: 'If',
      inputs: ['up'],
      outputs: ['h'],
      attributes: { then_branch: branch('Add'), else_branch: branch('Mul') },
    })
    const body = graph(
      'body',
      [
        new Node({ opType: 'Identity', inputs: ['go'], outputs: ['on'] }),
        new Node({ opType: 'Add', inputs: ['state', 'w'], outputs: ['next'] }),
      ],
      ['on', 'next'],
      [
        { name: 'i', dtype: 'int64', dims: [] },
        { name: 'go', dtype: 'bool', dims: [] },
        { name: 'state', dtype: 'float32' },
      ],
    )
    body.outputs[0]!.dtype = 'bool'
    g.initializers.set('three', Tensor.of('int64', [], [3]))
    g.addNode({
      opType: 'Loop',
      inputs: ['three', '', 'h'],
      outputs: ['y'],
      attributes: { body: { type: 'graph', value: body } },
    })
    const back = await expectSame(model)
    expect(back.graph.consumers('w').map(({ opType }) => opType)).toEqual(['If', 'Loop'])
    back.graph.nodes.reverse()
    back.graph.sort()
    back.graph.replaceUses('w', back.graph.addInitializer('w', Tensor.float32([3], [1, 2, 3])))
    back.graph.prune()
    expect(back.graph.initializers.has('w')).toBe(false)
    const feeds = randomFeeds(model, { batch: 2 })
    expect(await outputs(back, feeds)).toEqual(await outputs(model, feeds))
  })

  test('Scan', async () => {
    const model = build()
    const step = graph(
      'step',
      [
        new Node({ opType: 'Add', inputs: ['s', 'row'], outputs: ['t'] }),
        new Node({ opType: 'Identity', inputs: ['t'], outputs: ['u'] }),
      ],
      ['t', 'u'],
      [
        { name: 's', dtype: 'float32', dims: [3] },
        { name: 'row', dtype: 'float32', dims: [3] },
      ],
    )
    model.graph.initializers.set('start', Tensor.float32([3], [0, 0, 0]))
    model.graph.addNode({
      opType: 'Scan',
      inputs: ['start', 'x'],
      outputs: ['last', 'y'],
      attributes: { body: { type: 'graph', value: step }, num_scan_inputs: { int: 1 } },
    })
    await expectSame(model)
  })

  test('model-local functions are kept and run', async () => {
    const body = [
      ...bytes(7, [...text(1, 'a'), ...text(2, 't'), ...text(4, 'Relu')]),
      ...bytes(7, [...text(1, 't'), ...text(2, 'b'), ...text(4, 'Neg')]),
    ]
    const definition = [
      ...text(1, 'NegRelu'),
      ...text(4, 'a'),
      ...text(5, 'b'),
      ...body,
      ...bytes(9, int(2, 18)),
      ...text(10, 'my.own'),
    ]
    const model = build()
    model.opsets.set('my.own', 1)
    model.functions = [{ domain: 'my.own', name: 'NegRelu', raw: Uint8Array.from(definition) }]
    model.graph.addNode({ opType: 'NegRelu', domain: 'my.own', inputs: ['x'], outputs: ['y'] })
    const back = await expectSame(model)
    expect(back.functions).toEqual(model.functions)
  })

  test('sparse initializers are kept and run', async () => {
    const sparse = [
      ...bytes(1, tensor('w', 1, [2], bytes(9, new Uint8Array(Float32Array.of(5, 7).buffer)))),
      ...bytes(2, tensor('', 7, [2], packed(7, [0, 2]))),
      ...int(3, 3),
    ]
    const model = build()
    model.graph.sparseInitializers.set('w', Uint8Array.from(sparse))
    model.graph.addNode({ opType: 'Mul', inputs: ['x', 'w'], outputs: ['y'] })
    const back = await expectSame(model)
    expect([...back.graph.sparseInitializers.keys()]).toEqual(['w'])
  })
})

describe('what this version does not know', () => {
  const strange = (label: string): number[] => [...text(900, label), ...int(901, 5)]

  test('unknown fields survive in every message', () => {
    const attribute = [...text(1, 'axis'), ...int(3, 1), ...int(20, 2), ...strange('attribute')]
    const node = [
      ...text(1, 'x'),
      ...text(2, 'y'),
      ...text(4, 'Flatten'),
      ...bytes(5, attribute),
      ...strange('node'),
    ]
    const source = Uint8Array.from([
      ...int(1, 10),
      ...bytes(7, [
        ...bytes(1, node),
        ...bytes(5, tensor('w', 1, [1], [...bytes(9, [0, 0, 0, 0]), ...strange('tensor')])),
        ...bytes(11, [...port('x', 1, [1, 2]), ...strange('input')]),
        ...bytes(12, [...port('y', 1, [1, 2]), ...strange('output')]),
        ...bytes(13, [...port('v', 1, [1]), ...strange('value')]),
        ...strange('graph'),
      ]),
      ...bytes(8, int(2, 18)),
      ...strange('model'),
    ])
    const back = Buffer.from(encodeModel(decodeModel(source).clone())).toString('latin1')
    for (const label of ['attribute', 'node', 'tensor', 'input', 'output', 'value', 'graph', 'model'])
      expect(back, label).toContain(Buffer.from(strange(label)).toString('latin1'))
  })

  test('attributes of other kinds and references of functions are kept byte for byte', () => {
    const typeProto = [...text(1, 'type'), ...bytes(14, bytes(1, int(1, 1))), ...int(20, 13)]
    const referring = [...text(1, 'axis'), ...text(21, 'outer'), ...int(20, 2)]
    const node = [...text(2, 'y'), ...text(4, 'Optional'), ...bytes(5, typeProto), ...bytes(5, referring)]
    const source = Uint8Array.from([...int(1, 10), ...bytes(7, bytes(1, node)), ...bytes(8, int(2, 18))])
    const [only] = decodeModel(encodeModel(decodeModel(source))).graph.nodes
    expect(only!.attributes.get('type')).toEqual({ type: 'opaque', value: Uint8Array.from(typeProto) })
    expect(only!.attributes.get('axis')).toEqual({
      type: 'opaque',
      value: Uint8Array.from(referring),
      reference: 'outer',
    })
  })
})

/** Random graphs of element-wise and matrix nodes over values of shape [n, 3]. */
const anyModel = fc
  .array(
    fc.record({
      op: fc.constantFrom('Relu', 'Neg', 'Add', 'Mul', 'MatMul', 'Concat'),
      a: fc.nat(),
      b: fc.nat(),
      seed: fc.nat(99),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((steps) => {
    const model = build()
    const values = ['x']
    for (const [i, { op, a, b, seed }] of steps.entries()) {
      const [left, right] = [values[a % values.length]!, values[b % values.length]!]
      const output = `v${i}`
      if (op === 'MatMul') {
        model.graph.initializers.set(
          `w${i}`,
          Tensor.float32(
            [3, 3],
            Float32Array.from({ length: 9 }, (_, j) => ((seed * 7 + j * 5) % 11) / 11 - 0.5),
          ),
        )
        model.graph.addNode({ opType: op, inputs: [left, `w${i}`], outputs: [output] })
      } else if (op === 'Concat') {
        model.graph.addNode({
          opType: op,
          inputs: [left, right],
          outputs: [`c${i}`],
          attributes: { axis: { int: 0 } },
        })
        model.graph.addNode({ opType: 'ReduceMean', inputs: [`c${i}`], outputs: [`m${i}`] })
        model.graph.addNode({ opType: 'Add', inputs: [left, `m${i}`], outputs: [output] })
      } else
        model.graph.addNode({
          opType: op,
          inputs: op === 'Add' || op === 'Mul' ? [left, right] : [left],
          outputs: [output],
        })
      values.push(output)
    }
    model.graph.outputs = [{ name: values.at(-1)! }]
    return model
  })

describe('generated models', () => {
  test('round trips, pruning and sorting change no output', async () => {
    await fc.assert(
      fc.asyncProperty(anyModel, async (model) => {
        const feeds = randomFeeds(model, { batch: 2 })
        const back = await expectSame(model, feeds)
        back.graph.nodes.reverse()
        back.graph.sort()
        back.graph.prune()
        expect(await outputs(back, feeds)).toEqual(await outputs(model, feeds))
      }),
      { numRuns: 25 },
    )
  })

  test('ONNX Runtime reads our bytes as it reads those of other writers', async () => {
    const session = await ort.InferenceSession.create(encodeModel(build().clone()), {
      logSeverityLevel: 4,
    }).catch((cause: Error) => cause.message)
    expect(session).toMatch(/y/)
  })
})
