import { expect, test } from 'vitest'
import { PareError } from '../../../src/contract/errors'
import type { Model } from '../../../src/engine/onnx'
import { describePasses, findPass } from '../../../src/engine/passes'
import { contextOf, points } from '../training/support'
import { Net } from './pruning/build'

const WIDTH = 4

/** A chain; what is told apart is its second and its fourth layer. */
function chain(): { model: Model; layers: [string, string] } {
  const net = new Net(3)
  const sizes = [WIDTH, 64, 64, 64, 64, 3]
  const layers: string[] = []
  let value = net.input('x', [null, WIDTH])
  for (const [i, size] of sizes.slice(1).entries()) {
    layers.push(net.gemm(value, sizes[i]!, size))
    value = net.relu(layers.at(-1)!)
  }
  return { model: net.output(layers.at(-1)!, 2).done(), layers: [layers[1]!, layers[3]!] }
}

const PARAMS: Record<string, object> = {
  'quantize-dynamic': { leastWeights: 0 },
  'share-weights': { leastWeights: 0, bits: 2 },
  'low-rank': { leastWeights: 16, refit: false, ratio: 0.2 },
  'prune-weights': { sparsity: 0.5 },
  'quantize-aware': { leastWeights: 0, epochs: 1 },
  adaround: { leastWeights: 0, epochs: 1 },
}

const offering = describePasses().filter(({ parameters }) =>
  parameters.some(({ name }) => name === 'exclude'),
)

test('all passes that work layer by layer let a person leave layers alone', () => {
  expect(offering.map(({ id }) => id)).toEqual(
    expect.arrayContaining([
      'float16',
      'prune-channels',
      'prune-weights',
      'low-rank',
      ...Object.keys(PARAMS),
    ]),
  )
})

test.each(offering.map(({ id }) => id))(
  '%s leaves alone a layer by its name, and all of an operator',
  async (id) => {
    const { model, layers } = chain()
    const [second, first] = layers
    const run = (exclude: string[]) =>
      findPass(id).run(model, { ...PARAMS[id], exclude }, contextOf(model, points()))
    const { model: made, skipped } = await run([second])
    const own = ({ graph }: Model, layer: string) => {
      const node = graph.nodes.find(({ outputs }) => outputs.includes(layer))
      return node && graph.initializers.get(node.inputs[1]!)
    }
    const kept = own(made, second)
    // Training moves what it does not round.
    if (id === 'quantize-aware') expect([kept?.dtype, kept?.dims]).toEqual(['float32', [64, 64]])
    else expect(kept?.bytes()).toEqual(own(model, second)!.bytes())
    expect(skipped?.find(({ layer }) => layer === second)?.reason).toMatch(/left alone as asked/)
    expect(own(made, first)?.bytes()).not.toEqual(own(model, first)!.bytes())
    await expect(run(['Gemm'])).rejects.toThrow(PareError)
    await expect(run(['Gemm'])).rejects.toMatchObject({
      data: { code: 'model/nothing-to-do', reason: expect.stringMatching(/left alone as asked/) as unknown },
    })
  },
)
