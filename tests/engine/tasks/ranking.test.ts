import { expect, it } from 'vitest'
import { measureQuality } from '../../../src/engine/evaluate/quality'
import { rankCorrelation, similarities, spearman } from '../../../src/engine/tasks/ranking'
import ranks from '../../fixtures/retrieval/spearman.json'
import fixture from '../../fixtures/retrieval/trec.json'
import { arrayDataset, floats, ints, wires } from '../evaluate/support'

const { vectors, labels } = fixture
const [rows, size] = [vectors.length, vectors[0]!.length]

it('equals trec_eval: nDCG@10, recall@10 and the nearest of the same class', async () => {
  const x = floats([rows, size], vectors.flat())
  const dataset = arrayDataset({ task: 'embedding', inputs: { x }, labels: ints([rows], labels) })
  const { original } = await measureQuality(wires({ x: { dims: ['N', size] } }), [], { dataset })
  const { others } = original.quality
  expect(others['ndcg10']).toBeCloseTo(fixture.ndcg10, 9)
  expect(others['recall10']).toBeCloseTo(fixture.recall10, 9)
  expect(others['retrievalAccuracy']).toBeCloseTo(fixture.success1, 9)
  expect(others['rankCorrelation']).toBe(1)
})

it('equals SciPy: Spearman’s ρ, equal numbers included', () => {
  expect(spearman(Float64Array.from(ranks.a), Float64Array.from(ranks.b))).toBeCloseTo(ranks.rho, 12)
  expect(spearman(Float64Array.of(1, 1, 1), Float64Array.of(1, 2, 3))).toBe(0)
})

it('turned vectors rank as before, others do not', () => {
  const all = similarities(vectors.map((vector) => Float32Array.from(vector)))
  const others = similarities(vectors.map((vector) => Float32Array.from(vector, (v, i) => (i ? v : -v + 1))))
  expect(rankCorrelation(all, all)).toBeCloseTo(1, 12)
  expect(rankCorrelation(others, all)).toBeLessThan(0.99)
})
