import { expect, test } from 'vitest'
import type { Model } from '../../../src/engine/onnx'
import { refusalOf, refusedLayers } from '../../../src/engine/passes/loads'
import { Net } from './pruning/build'

const NAMES = ['a', 'b', 'c', 'd', 'e']

/** A chain in which each bad layer reads what nobody makes. */
function chain(bad: readonly string[], left: ReadonlySet<string>): Model {
  const net = new Net(1)
  let value = net.input('x', ['batch', 4])
  for (const name of NAMES)
    value = net.op('Add', [value, bad.includes(name) && !left.has(name) ? 'nowhere' : net.weight([4])])
  return net.output(value, 2).done()
}

test.each([[[]], [['a']], [['e']], [['b', 'd']], [NAMES]])('finds what is refused: %j', async (bad) => {
  const found = await refusedLayers(NAMES, (left) => chain(bad, left))
  expect([...found.keys()]).toEqual(bad)
  for (const reason of found.values()) expect(reason).toContain('nowhere')
  expect(await refusalOf(chain(bad, new Set(found.keys())))).toBeUndefined()
})

test('a fault that no layer has is not blamed on one', async () => {
  const build = (): Model => chain(['c'], new Set())
  await expect(refusedLayers(['a'], build)).rejects.toMatchObject({ code: 'model/not-loadable' })
})
