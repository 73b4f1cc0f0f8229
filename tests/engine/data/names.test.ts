import { expect, test } from 'vitest'
import { placesIn } from '../../../src/engine/data/names'
import { labelFacts, targetsOf } from '../../../src/engine/data/labels'
import { concatSources } from '../../../src/engine/data/concat'
import type { RawLabels, Source } from '../../../src/engine/data/source'

test('places are those of indexOf', () => {
  const names = ['b', 'a', '__proto__', 'b', '']
  const placeOf = placesIn(names)
  for (const name of [...names, 'c', 'toString']) expect(placeOf(name), name).toBe(names.indexOf(name))
})

// Each name compared with every other would take minutes.
test(
  'a hundred and thirty thousand class names are put in order and found',
  { timeout: 60_000 },
  async () => {
    const count = 130_000
    const named = (names: string[]): Source => {
      const labels: RawLabels = { kind: 'names', names, of: Int32Array.from(names, (_, i) => i) }
      return { length: names.length, labels, notes: [], close: async () => {} } as unknown as Source
    }
    const names = Array.from({ length: count }, (_, i) => `thing ${(i * 7919) % count}`)
    const source = concatSources([named(names.slice(0, 1000)), named(names)])
    const facts = await labelFacts([source])
    if (facts.kind !== 'names') throw new Error('no names')
    expect(facts.names).toHaveLength(count)
    const plan = { kind: 'class', classes: facts.names, offset: 0, byName: true } as const
    const { ids } = await targetsOf(source, plan)
    expect(ids).toHaveLength(count + 1000)
    for (const i of [0, 1, 999, 1000, count])
      expect(facts.names[ids![i]!]).toBe(names[i < 1000 ? i : i - 1000])
  },
)
