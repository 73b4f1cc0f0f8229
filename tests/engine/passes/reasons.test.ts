/** What passes say of what they left alone, held against the graph: the layer is there, figures are its own, nothing is passed over in silence. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SPLITS } from '../../../src/contract/dataset'
import { errorData } from '../../../src/contract/errors'
import type { LayerReport } from '../../../src/contract/report'
import { openRandom } from '../../../src/engine/data/random'
import { nodesIn } from '../../../src/engine/layers/find'
import { liftConstants } from '../../../src/engine/layers/normalize/lift-constants'
import { Graph, isFloat, Tensor, type Model } from '../../../src/engine/onnx'
import { seeded } from '../../../src/engine/math/random'
import { describePasses, findPass } from '../../../src/engine/passes'
import type { PassContext } from '../../../src/engine/passes/pass'
import { measureSensitivity } from '../../../src/engine/search/sensitivity/measure'
import { findTarget } from '../../../src/engine/targets'
import { OWN_MODELS } from '../../suite/graphs'
import { ifModel, loopModel } from '../layers/bodies'
import { Net } from './pruning/build'

let scratch: string
beforeAll(() => void (scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'reasons-'))))
afterAll(() => fs.rmSync(scratch, { recursive: true }))

/** Of passes that do nothing here by the parameters they start with, or are worth more than one look. */
const PARAMS: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  'quantize-weights': [{ bits: 4 }, { bits: 8 }],
  'prune-weights': [{ sparsity: 0.5 }],
}

/** Every pass that works on layers and learns nothing; mixed precision would first want to know what each layer tolerates. */
const LOOKED_AT = describePasses().filter(
  ({ id, role, needs }) =>
    ['removes', 'prepares', 'encodes'].includes(role) &&
    !needs.includes('training') &&
    id !== 'mixed-precision',
)

const PASSES = LOOKED_AT.flatMap(({ id }) => (PARAMS[id] ?? [{}]).map((params) => [id, params] as const))

/** Of others nobody asks what became of each weight: they take pairs of layers, or the share of channels asked for. */
const COMPRESSES = new Set(
  LOOKED_AT.filter(({ id, role }) => role !== 'prepares' && id !== 'prune-channels').map(({ id }) => id),
)

/** All that passes meet and few of them work on: tables, recurrent layers, products of axes, grouped and tiny layers. */
function mixed(): Model {
  const net = new Net(21)
  const ids = net.input('ids', ['N', 6], 'int64')
  const rows = net.op('Gather', [net.weight([32, 16], 'table'), ids])
  const steps = net.op('Transpose', [rows], { perm: { ints: [1, 0, 2] } })
  const [y] = net.ops(
    'LSTM',
    [steps, net.weight([1, 48, 16], 'W'), net.weight([1, 48, 12], 'R')],
    { hidden_size: { int: 12 } },
    1,
  )
  const last = net.op('Squeeze', [net.op('Gather', [y!, net.ints([5], [])]), net.ints([0])])
  const turned = net.op('Einsum', [last, net.weight([12, 24], 'e')], { equation: 'ni,io->no' })
  const dense = net.gemm(net.relu(turned), 24, 20)
  const odd = net.op('MatMul', [dense, net.op('Reshape', [net.weight([4, 100]), net.ints([20, 20])])])
  return net.output(net.gemm(odd, 20, 3), 2).done()
}

function depthwise(): Model {
  const net = new Net(22)
  const x = net.input('x', ['N', 3, 12, 12])
  const one = net.relu(net.conv(x, 3, 16, 3))
  const two = net.relu(net.conv(one, 16, 16, 3, { group: 16 }))
  const up = net.op('ConvTranspose', [two, net.weight([16, 8, 2, 2])], { strides: { ints: [2, 2] } })
  return net.output(net.conv(up, 8, 4, 1), 4).done()
}

function halves(): Model {
  const net = new Net(23)
  const x = net.input('x', ['N', 24])
  const w = net.weight([24, 20])
  const { graph } = net.model
  const tensor = graph.initializers.get(w)!
  graph.initializers.set(w, Tensor.of('float16', tensor.dims, tensor.floats()))
  const h = net.op('MatMul', [x, net.op('Cast', [w], { to: { int: 1 } })])
  return net.output(net.gemm(net.relu(h), 20, 12), 2).done()
}

const MODELS: readonly (readonly [string, Model])[] = [
  ['all sorts', mixed()],
  ['depthwise and transposed', depthwise()],
  ['half precision behind Cast', halves()],
  ['weights in branches', ifModel('own')],
  ['weights shared by branches', ifModel('shared')],
  ['weights in a loop', loopModel()],
  ...OWN_MODELS.filter(({ inputs }) => inputs).map(({ name, model }) => [name, model] as const),
]

interface Reader {
  /** What it may be called. */
  names: string[]
  weight: Tensor
}

/** Matrices and kernels of 64 values and more, each with who reads it, wherever it lies. */
function readersOf(model: Model): Reader[] {
  const clone = model.clone()
  clone.constantsToInitializers(({ dtype }) => dtype !== 'string')
  liftConstants(clone)
  return [...nodesIn(clone.graph, true)].flatMap(({ node, name, producers }) =>
    node.inputs.flatMap((value): Reader[] => {
      const weight = clone.graph.constant(value, producers)
      const isWeight =
        weight && isFloat(weight.dtype) && weight.size >= 64 && weight.dims.filter((d) => d > 1).length > 1
      return isWeight && !node.is('Reshape', 'Cast')
        ? [{ names: [name, node.name, value, ...node.outputs].filter(Boolean), weight }]
        : []
    }),
  )
}

function namesOf(model: Model): Set<string> {
  const { graph } = model
  const ports = [...graph.inputs, ...graph.outputs].map(({ name }) => name)
  const nodes = [...nodesIn(graph, true)].flatMap(({ node, name }) => [
    name,
    node.name,
    ...node.outputs,
    ...(node.is('LSTM', 'GRU', 'RNN') ? [`${name} (recurrence)`] : []),
  ])
  return new Set([...ports, ...nodes, ...[...model.graphs()].flatMap((one) => [...one.initializers.keys()])])
}

/** Nodes of local functions get names behind that of the node which calls them. */
const isInlined = ({ graph, functions }: Model, layer: string): boolean =>
  functions.length > 0 && graph.nodes.some(({ name }) => name !== '' && layer.startsWith(`${name}_`))

interface Told {
  skipped: { layer: string; reason: string }[]
  layers: readonly LayerReport[]
  refusal?: string
  result?: Model
}

async function told(model: Model, id: string, params: Record<string, unknown>): Promise<Told> {
  const pass = findPass(id)
  const data = await openRandom(model, 0, 64, SPLITS)
  try {
    pass.check(model, params)
    const context: PassContext = {
      original: model,
      data,
      progress: () => undefined,
      signal: new AbortController().signal,
      random: seeded(1),
      scratch,
      providers: ['cpu'],
      target: findTarget('any'),
    }
    const { model: result, skipped = [], layers = [] } = await pass.run(model, pass.parse(params), context)
    return { skipped, layers, result }
  } catch (thrown) {
    const error = errorData(thrown)
    if (error.code !== 'model/nothing-to-do') throw thrown
    return { skipped: [], layers: [], refusal: error.reason }
  } finally {
    await data.close()
  }
}

describe.each(PASSES)('%s %j', (id, params) => {
  test.each(MODELS)('%s', { timeout: 60_000 }, async (_, model) => {
    const { skipped, layers, refusal = '', result } = await told(model, id, params)
    const treated = layers.map(({ layer }) => layer)
    const there = namesOf(model)
    expect(skipped.filter(({ layer }) => !there.has(layer) && !isInlined(model, layer))).toEqual([])
    const readers = readersOf(model)
    const words = [refusal, ...skipped.map(({ layer, reason }) => `${layer}: ${reason}`)].join('\n')
    // Figures are those of a weight that is there.
    for (const [, digits] of words.matchAll(/its ([\d,]+) weights/g)) {
      const count = Number(digits!.replaceAll(',', ''))
      const own = readers.map(({ names }) =>
        readers.filter((one) => one.names[0] === names[0]).reduce((sum, one) => sum + one.weight.size, 0),
      )
      expect(own).toContain(count)
    }
    // A refusal names the most common reasons, and says that there are more.
    if (!COMPRESSES.has(id) || /and \d+ more reasons/.test(refusal)) return
    // Every weight is changed, or its layer named.
    const kept = new Set(
      result
        ? [...result.constants()].map(({ tensor }) => tensor.contentKey())
        : readers.map(({ weight }) => weight.contentKey()),
    )
    const silent = readers.filter(
      ({ names, weight }) =>
        kept.has(weight.contentKey()) &&
        !names.some((name) => treated.includes(name) || words.includes(name)),
    )
    expect(silent.map(({ names, weight }) => `${names.join(' ')} [${weight.dims.join()}]`)).toEqual([])
  })
})

test('outputs as long as the data says do not undo what was refitted', async () => {
  const [, model] = MODELS.find(([name]) => name === 'an output as long as the data says')!
  const { layers, skipped } = await told(model, 'prune-channels', { ratio: 0.4 })
  expect(skipped.filter(({ reason }) => reason.startsWith('not refitted'))).toEqual([])
  expect(layers.filter(({ reason }) => reason?.includes('after refitting')).length).toBeGreaterThan(0)
})

const LEARNING = describePasses().filter(
  ({ needs }) => needs.includes('training') && !needs.includes('labels'),
)

test.each(LEARNING.map(({ id }) => id))('%s does not deny weights that lie within If', async (id) => {
  const { refusal } = await told(ifModel('own'), id, {})
  expect(refusal).toMatch(/ within If|outside of If/)
})

test('nor does what measures sensitivity', async () => {
  const model = ifModel('own')
  const data = await openRandom(model, 0, 64, SPLITS)
  await expect(measureSensitivity(model, data)).rejects.toMatchObject({
    data: {
      reason: 'no layers with float weights of the model lie outside of If, into which this step does not go',
    },
  })
})

test('what goes into branches does not say that layers lie outside of them', async () => {
  const net = new Net(24)
  const x = net.input('x', ['N', 8])
  net.model.graph.inputs.push({ name: 'use', dtype: 'bool', dims: [] })
  const branch = (opType: string): Graph => {
    const graph = new Graph()
    graph.addNode({ opType, inputs: [x], outputs: [opType] })
    graph.outputs = [{ name: opType, dtype: 'float32', dims: [null, 8] }]
    return graph
  }
  const bodies = {
    then_branch: { type: 'graph', value: branch('Relu') },
    else_branch: { type: 'graph', value: branch('Neg') },
  } as const
  const model = net.output(net.op('If', ['use'], bodies), 2).done()
  expect((await told(model, 'prune-weights', {})).refusal).toBe('the model has no layers with a weight')
  expect((await told(model, 'prune-channels', {})).refusal).toMatch(/outside of If/)
})
