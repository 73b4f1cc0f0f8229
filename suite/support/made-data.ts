/** Data for a model that came without: what calibrates must be given, for random inputs of Pare's own calibrate nothing. */
import fs from 'node:fs'
import { zipSync } from 'fflate'
import { encodeNpy } from '../../src/engine/data/encode-npy'
import { openRandom } from '../../src/engine/data/random'
import { readModel } from '../../src/engine/onnx'

const SAMPLES = 256

/** Writes seeded random samples as one NPZ, an array an input; gives its path. Throws what `openRandom` throws. */
export async function makeData(model: string, file: string, samples = SAMPLES): Promise<string> {
  const data = await openRandom(readModel(model), 1, samples)
  try {
    for await (const { inputs } of data.splits.validation.batches(samples, { limit: samples }))
      fs.writeFileSync(
        file,
        zipSync(
          Object.fromEntries(
            Object.entries(inputs).map(([name, value]) => [`${name}.npy`, encodeNpy(value)]),
          ),
        ),
      )
  } finally {
    await data.close()
  }
  return file
}
