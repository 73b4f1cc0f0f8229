/**
 * How long a run will take, from one timed run of the model: told before it begins, and what its progress is weighed by.
 * Estimates of the right order, not measurements; what was measured meanwhile soon outweighs them.
 */
import type { Recipe, RecipeStep } from '../../contract/recipe'
import type { Dataset } from '../data/dataset'
import { exampleFeeds } from '../data/feeds'
import { weightedLayers } from '../layers/find'
import type { Model } from '../onnx'
import { findPass } from '../passes'
import { secondsOfRun } from '../runtime'

/** What times hang on. */
export interface Extent {
  /** Seconds of one run of one sample. */
  each: number
  layers: number
  /** Samples by split. */
  samples: Readonly<Record<'calibration' | 'training' | 'validation', number>>
}

/** Throws what running the model throws. */
export async function extentOf(model: Model, data: Dataset): Promise<Extent> {
  const { calibration, training, validation } = data.splits
  return {
    each: await secondsOfRun(model, await exampleFeeds({ original: model, data })),
    layers: weightedLayers(model.graph).length,
    samples: { calibration: calibration.length, training: training.length, validation: validation.length },
  }
}

/** Loading and saving, whatever the model. */
const LEAST = 0.5
/** A step of training goes forward, back, and through the teacher. */
const RUNS_OF_TRAINING = 4
/** Where a pass goes through the data as often as it takes. */
const EPOCHS = 5
/** What static quantization allows itself to calibrate and to choose; see `passes/quantization/sample-counts.ts`. */
const MOST_TO_QUANTIZE = 50
/** `keep-best` makes its alternatives, evaluates, and times each. */
const SECONDS_TO_CHOOSE = 15
/** Two models timed by turns, and their memory. */
const SECONDS_TO_MEASURE = 6
const FITTED_SAMPLES = 64

const numberIn = (params: RecipeStep['params'], name: string, otherwise: number): number =>
  typeof params[name] === 'number' && params[name] > 0 ? params[name] : otherwise

const epochsOf = (params: RecipeStep['params']): number =>
  numberIn(params, 'epochs', EPOCHS) * numberIn(params, 'effort', 1)

function secondsOfStep({ pass, params }: RecipeStep, { each, layers, samples }: Extent): number {
  const { family, role, needs } = findPass(pass).description
  if (role === 'chooses') return SECONDS_TO_CHOOSE
  if (needs.includes('training')) return RUNS_OF_TRAINING * each * samples.training * epochsOf(params)
  const looked = Math.min(samples.calibration, numberIn(params, 'samples', 512))
  switch (family) {
    case 'quantization': {
      // Weights of 8 bits nearly always hold their limit, so that no layer is tried by itself.
      const tried = numberIn(params, 'bits', 0) === 8 ? 0 : layers
      return Math.min(MOST_TO_QUANTIZE, each * (looked + tried * Math.min(looked, FITTED_SAMPLES)))
    }
    case 'pruning':
    case 'factorization':
      return each * 2 * layers * Math.min(looked, FITTED_SAMPLES)
    default:
      return each * looked * 0.1
  }
}

export interface Expected {
  /** Of each step of each recipe. */
  steps: number[][]
  /** Of measuring what a recipe made. */
  measuring: number
}

export function expectedSeconds(recipes: readonly Recipe[], extent: Extent): Expected {
  return {
    steps: recipes.map(({ steps }) => steps.map((step) => LEAST + secondsOfStep(step, extent))),
    measuring: SECONDS_TO_MEASURE + 2 * extent.each * extent.samples.validation,
  }
}
