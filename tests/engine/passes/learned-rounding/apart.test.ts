/** A part by itself computes what it does within its model, from inputs that are computed once. */
import { expect, test } from 'vitest'
import { Samples } from '../../../../src/engine/data/sample-store'
import type { Model } from '../../../../src/engine/onnx'
import { adaround } from '../../../../src/engine/passes/adaround'
import { partApart } from '../../../../src/engine/passes/learned-rounding/apart'
import { floatsOf, withOutputs, withSession, type Values } from '../../../../src/engine/runtime'
import { Teacher } from '../../../../src/engine/training/teacher'
import { Net } from '../pruning/build'
import { contextOf, fidelity, noise } from '../quantization/support'

const signal = new AbortController().signal
const CHOSEN = [7, 2, 9, 4, 0]

async function apart(
  model: Model,
  output: string,
  weight: string,
  inputs: Values,
  micro: number,
): Promise<{ found: Awaited<ReturnType<typeof partApart>>; teacher: Teacher }> {
  model.graph.sort()
  const teacher = await Teacher.open(model, [output], micro)
  const samples = Samples.of(inputs, signal)
  const about = { output, latents: [weight], samples, chosen: CHOSEN, micro, teacher, signal }
  return { found: await partApart(model, about), teacher }
}

/** Two branches meet, one of which is learned, behind a layer that is not. */
function branches(batch: number | null): { net: Net; learned: string; sum: string } {
  const net = new Net(3)
  const stem = net.relu(net.conv(net.input('x', [batch, 3, 6, 6]), 3, 4, 3))
  const learned = net.weight([4, 4, 3, 3])
  const branch = net.conv(stem, 4, 4, 3, { w: learned })
  const sum = net.op('Add', [net.relu(branch), net.op('Sigmoid', [stem])])
  net.output(net.op('GlobalAveragePool', [net.conv(sum, 4, 2, 1)]), 4)
  return { net, learned, sum }
}

test.each([
  [null, 2],
  [1, 1],
])('batch %s', async (batch, micro) => {
  const { net, learned, sum } = branches(batch)
  const inputs = { x: noise([10, 3, 6, 6]) }
  const { found, teacher } = await apart(net.model, sum, learned, inputs, micro)
  const { model, samples } = found!
  expect(model.graph.nodes.map(({ opType }) => opType)).toEqual(['Conv', 'Relu', 'Add'])
  expect([...model.graph.initializers.keys()]).toContain(learned)
  expect(samples.count).toBe(CHOSEN.length)
  const own: number[] = []
  for await (const batch of samples.batches([0, 1, 2, 3, 4], 1))
    own.push(
      ...(await withSession(model, {}, async (session) => floatsOf((await session.run(batch.inputs))[sum]!))),
    )
  const whole: number[] = []
  for await (const batch of Samples.of(inputs, signal).batches(CHOSEN, 1))
    whole.push(
      ...(await withSession(withOutputs(net.model, [sum]), {}, async (session) =>
        floatsOf((await session.run(batch.inputs, [sum]))[sum]!),
      )),
    )
  expect(own).toHaveLength(5 * 4 * 36)
  own.forEach((value, i) => expect(value).toBeCloseTo(whole[i]!, 5))
  // The teacher was asked, and knows samples by their place among those chosen.
  expect(teacher.knows([0, 1, 2, 3, 4])).toBe(true)
  const [taught] = await teacher.valuesFor({ indices: [1], inputs: {} })
  floatsOf(taught!).forEach((value, i) => expect(value).toBeCloseTo(whole[4 * 36 + i]!, 5))
  await teacher.release()
})

test('what samples are not the first axis of, and an input of the model itself, are not stored', async () => {
  const turned = new Net(4)
  const stem = turned.relu(turned.op('MatMul', [turned.input('x', [null, 8]), turned.weight([8, 8])]))
  const across = turned.op('Transpose', [stem], { perm: { ints: [1, 0] } })
  const gate = turned.weight([8, 1])
  const product = turned.op('Mul', [across, gate])
  turned.output(turned.op('Transpose', [product], { perm: { ints: [1, 0] } }), 2)
  const inputs = { x: noise([10, 8]) }
  for (const micro of [2, 8]) {
    const { found, teacher } = await apart(turned.model, product, gate, inputs, micro)
    expect(found).toBeUndefined()
    await teacher.release()
  }
  const first = new Net(5)
  const weight = first.weight([8, 4])
  const product2 = first.op('MatMul', [first.input('x', [null, 8]), weight])
  first.output(product2, 2)
  const { found, teacher } = await apart(first.model, product2, weight, inputs, 2)
  expect(found).toBeUndefined()
  await teacher.release()
})

test('layers that learned by themselves stand where the whole network cannot be learned through', async () => {
  const net = new Net(6)
  const hidden = net.relu(net.gemm(net.input('x', [null, 16]), 16, 32))
  // Bounds that are computed have no gradient rule.
  const half = net.op('Div', [net.op('Shape', [hidden], { start: { int: 1 } }), net.ints([2])])
  const kept = net.op('Slice', [hidden, net.ints([0]), half, net.ints([1])])
  net.output(net.gemm(kept, 16, 4), 2)
  const params = { bits: 3, leastWeights: 16, effort: 0.2, epochs: 1 }
  const { summary, layers, model } = await adaround.run(
    net.model,
    params,
    contextOf(net.model, { x: noise([64, 16]) }),
  )
  expect(summary).toContain('Rounding of 2 layers learned at 3 bits: nothing learned in the whole network.')
  expect(summary).toMatch(/Layer by layer, \d of 2 came closer/)
  expect(summary).toMatch(/Layers have not learned together: .*Slice \(computed bounds\)/)
  expect(layers).toHaveLength(2)
  expect(await fidelity(net.model, model, { x: noise([64, 16], 9) })).toBeGreaterThan(8)
})
