/** What a pass is run with, over a dataset of seeded random inputs. */
import type { Batch, Dataset, Split } from '../../../../src/engine/data/dataset'
import { randomFeeds } from '../../../../src/engine/runtime'
import { seeded } from '../../../../src/engine/math/random'
import type { Model } from '../../../../src/engine/onnx'
import type { PassContext } from '../../../../src/engine/passes/pass'
import { findTarget } from '../../../../src/engine/targets'

function split(model: Model, name: Split['name'], length: number): Split {
  return {
    name,
    length,
    origin: 'made',
    async *batches(size, { limit = length } = {}): AsyncIterable<Batch> {
      await Promise.resolve()
      for (let from = 0; from < Math.min(limit, length); from += size) {
        const rows = Math.min(size, Math.min(limit, length) - from)
        yield {
          indices: Array.from({ length: rows }, (_, i) => from + i),
          inputs: randomFeeds(model, { batch: rows, seed: 100 + from, side: 16 }),
        }
      }
    },
    preview: (index) => Promise.resolve({ index, title: String(index) }),
  }
}

export function contextFor(model: Model, samples = 256): PassContext {
  const splits = {
    calibration: split(model, 'calibration', samples),
    training: split(model, 'training', 0),
    validation: split(model, 'validation', 64),
  }
  const data = {
    kind: 'random',
    task: 'unlabelled',
    path: '',
    preprocessing: { kind: 'array', scale: 1, mean: [0], std: [1], columns: {} },
    splits,
  } as unknown as Dataset
  return {
    original: model,
    data,
    progress: () => undefined,
    signal: new AbortController().signal,
    random: seeded(1),
    scratch: '',
    providers: ['cpu'],
    target: findTarget('any'),
  }
}
