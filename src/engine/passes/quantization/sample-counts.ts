/** How many samples static quantization looks at: all it likes on small models, what time allows on large ones. */
import { exampleFeeds } from '../../data/feeds'
import { weightedLayers } from '../../layers/find'
import { CALIBRATORS } from '../../math/quantize/calibrate'
import type { Model } from '../../onnx'
import { affordable, secondsOfRun } from '../../runtime'
import type { PassContext } from '../pass'

/** Differences show on few samples, a limit in points wants many. */
const SAMPLES_TO_CHOOSE = 96
const SAMPLES_TO_EVALUATE = 320
/** Seconds a choice may take where models are large; small ones are done with all samples long before. */
const SECONDS_TO_CALIBRATE = 10
const SECONDS_TO_CHOOSE = 20
const LEAST_SAMPLES = 8

/** Choosing runs each layer's model on the samples, calibration and the limit only a few. */
export async function sampleCounts(
  model: Model,
  options: { samples: number },
  context: PassContext,
): Promise<{ calibration: number; toChoose: number; toEvaluate: number }> {
  const each = await secondsOfRun(model, await exampleFeeds(context))
  const layers = weightedLayers(model.graph).length
  const count = (seconds: number, runs: number, most: number): number =>
    affordable(seconds, each, { runs, least: Math.min(LEAST_SAMPLES, most), most })
  return {
    calibration: count(SECONDS_TO_CALIBRATE, 1, options.samples),
    toChoose: count(SECONDS_TO_CHOOSE, 1.25 * layers + CALIBRATORS.length + 1, SAMPLES_TO_CHOOSE),
    toEvaluate: count(SECONDS_TO_CHOOSE, 2 * Math.ceil(Math.log2(layers + 1)) + 2, SAMPLES_TO_EVALUATE),
  }
}
