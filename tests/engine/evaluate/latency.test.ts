import { describe, expect, it } from 'vitest'
import { measureLatency, turnsOf } from '../../../src/engine/evaluate/latency'
import { Graph, Model, Tensor } from '../../../src/engine/onnx'
import { floats, wires } from './support'

/** `layers` MatMuls of 256 × 256 in a row. */
function chain(layers: number, batch: string | number = 'N'): Model {
  const model = new Model()
  model.opsets.set('', 18)
  model.irVersion = 8
  const graph = new Graph()
  graph.inputs.push({ name: 'x', dtype: 'float32', dims: [batch, 256] })
  for (let i = 0; i < layers; i++) {
    graph.initializers.set(`w${i}`, Tensor.float32([256, 256], new Float32Array(65536).fill(0.001 * (i + 1))))
    const [from, to] = [i === 0 ? 'x' : `h${i}`, i === layers - 1 ? 'y' : `h${i + 1}`]
    graph.addNode({ opType: 'MatMul', inputs: [from, `w${i}`], outputs: [to] })
  }
  graph.outputs.push({ name: 'y', dtype: 'float32', dims: [batch, 256] })
  model.graph = graph
  return model
}

const sample = { x: floats([1, 256], Array(256).fill(1)) }

describe('measureLatency', () => {
  it('finds a much longer model slower and itself equal', async () => {
    const { original, candidates } = await measureLatency(chain(2), [chain(60), chain(2)], {
      sample,
      rounds: 30,
      session: { threads: 1 },
    })
    expect(original).toMatchObject({ runs: 60, batch: 1, provider: 'cpu', threads: 1 })
    expect(original.p95).toBeGreaterThanOrEqual(original.p50)
    const [longer, same] = candidates
    expect(longer!.ratio.interval[0]).toBeGreaterThan(1)
    expect(longer!.ratio.interval[0]).toBeLessThanOrEqual(longer!.ratio.value)
    expect(longer!.ratio.interval[1]).toBeGreaterThanOrEqual(longer!.ratio.value)
    expect(same!.ratio.value).toBeLessThan(longer!.ratio.value)
  })

  it('gives every model every place in a round equally often, and each round the same way back', () => {
    const rounds = Array.from({ length: 3 }, (_, round) => turnsOf(3, round))
    for (const turns of rounds) expect(turns).toEqual(turns.toReversed())
    for (let place = 0; place < 6; place++)
      expect(new Set(rounds.map((turns) => turns[place]))).toEqual(new Set([0, 1, 2]))
  })

  it('says seldom how far it is: the run after that is not like the others', async () => {
    let told = 0
    const started = performance.now()
    await measureLatency(chain(1), [chain(1)], { sample, rounds: 100, progress: () => void told++ })
    expect(told).toBeGreaterThan(0)
    expect(told).toBeLessThanOrEqual(1 + (performance.now() - started) / 250)
  })

  it('feeds a fixed batch and counts per sample', async () => {
    const { candidates } = await measureLatency(chain(2), [chain(2, 8)], { sample, rounds: 5 })
    expect(candidates[0]!.stats.batch).toBe(8)
    expect(candidates[0]!.stats.runs).toBe(10)
  })

  it('stops when cancelled', async () => {
    const model = wires({ x: { dims: ['N', 256] } })
    const signal = AbortSignal.abort()
    await expect(measureLatency(model, [], { sample, signal })).rejects.toMatchObject({
      data: { code: 'cancelled' },
    })
  })
})
