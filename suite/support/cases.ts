/** What is right for each folder of cases: what to run there, and what must come of it. */
import fs from 'node:fs'
import { errorData, PareError, type ErrorCode } from '../../src/contract/errors'
import { errorMessage } from '../../src/contract/messages'
import { decodeModel, readModel, type Model } from '../../src/engine/onnx'
import { openDataset } from '../../src/engine/data/open'
import { workingFeeds } from '../../src/engine/runtime'
import type { RunResult } from '../../src/engine/run/compress'
import { codecOutcome } from '../kinds/onnx'
import { runModel, difference } from './judge'
import { runJob, runOutcome, step, type Bench } from './jobs'
import type { Outcome } from './suite'

export interface CaseContext {
  /** A file of the folder, or of the folders beside it by `../`. */
  at(file: string): string
  bench(model: string, data?: string): Bench
  /** With random samples given as data. */
  calibrated(model: string): Promise<Bench>
}

/** Refusals that are right are given, not thrown. */
export type Check = (context: CaseContext) => Promise<Outcome | void>

function right(condition: boolean, otherwise: string): void {
  if (!condition) throw new PareError('pass/broke-model', { pass: 'the right answer', reason: otherwise })
}

/** Data that is made for a model which has none. */
const MADE = Symbol('made')

/** Compresses, and looks at what came of it. */
const compresses =
  (
    model: string,
    steps: Parameters<Bench['compress']>[0],
    look?: (run: RunResult, context: CaseContext) => void | Promise<void>,
    data?: string | typeof MADE,
  ): Check =>
  async (context) => {
    const bench = data === MADE ? await context.calibrated(model) : context.bench(model, data)
    const run = await bench.compress(steps)
    const outcome = await runOutcome(context.at(model), run)
    if (outcome.verdict === 'ok') await look?.(run, context)
    return outcome
  }

/** The error is one of these and says so in words; it may also be no error. */
const toldBy =
  (work: Check, codes: readonly ErrorCode[], words: RegExp = /./): Check =>
  async (context) => {
    try {
      return await work(context)
    } catch (thrown) {
      const error = errorData(thrown)
      const { what, todo } = errorMessage(error)
      if (!codes.includes(error.code)) throw thrown
      right(words.test(`${what} ${todo}`), `it is told as: ${what} ${todo}`)
      return { verdict: 'refused', code: error.code, detail: what }
    }
  }

const layersOf = (run: RunResult): { done: number; of: number } => {
  const layers = run.candidates[0]!.report.layers ?? []
  return {
    done: layers.filter(({ treatment }) => /int8|4-bit|4 bit|int4/.test(treatment)).length,
    of: layers.length,
  }
}

const ratioOf = ({ original, candidates }: RunResult): number => original.bytes / candidates[0]!.report.bytes

const allLayers = (count: number) => (run: RunResult) => {
  const { done } = layersOf(run)
  right(done >= count, `${done} layers of ${count}: ${JSON.stringify(run.candidates[0]!.report.layers)}`)
}

const smaller = (ratio: number) => (run: RunResult) =>
  right(ratioOf(run) >= ratio, `${ratioOf(run).toFixed(2)}× smaller, of ${ratio}×`)

/** Pruned, and equal to the original: what went was dead. */
const losslessly = async (run: RunResult, { at }: CaseContext, model: string): Promise<void> => {
  const original = readModel(at(model))
  const feeds = await workingFeeds(original, { batch: 1 })
  const pruned = readModel(run.candidates[0]!.files[0]!)
  const [before, after] = [await runModel(original, feeds), await runModel(pruned, feeds)]
  for (const [name, value] of Object.entries(before)) {
    const off = difference(value, after[name])
    right(off < 1e-4, `output ${name} is off by ${off}`)
  }
}

const parametersOf = async (context: CaseContext, model: string): Promise<number> =>
  (await runJob('inspect', { model: context.at(model) })).parameters

/** Bytes the process has used at most since this was last asked. Source: proc(5), clear_refs and VmHWM. */
function peakSince(): number | undefined {
  try {
    const found = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))
    fs.writeFileSync('/proc/self/clear_refs', '5')
    return found ? Number(found[1]) * 1024 : undefined
  } catch {
    return undefined
  }
}

const MOST_MEMORY = 1.5 * 2 ** 30

const inspects =
  (model: string, codes: readonly ErrorCode[] = []): Check =>
  async (context) => {
    peakSince()
    const outcome = await toldBy(
      async ({ at }) => void (await runJob('inspect', { model: at(model) })),
      codes,
    )(context)
    const peak = peakSince() ?? 0
    right(peak < MOST_MEMORY, `${Math.round(peak / 2 ** 20)} MiB`)
    return outcome
  }

const evaluates =
  (model: string, data?: string, look?: (report: Awaited<ReturnType<Bench['evaluate']>>) => void): Check =>
  async ({ bench }) => {
    const report = await bench(model, data).evaluate()
    look?.(report)
    return { verdict: 'ok', detail: `${report.quality.metric} ${report.quality.value}` }
  }

const opens =
  (model: string, data: string, look: (notes: string, samples: number) => void): Check =>
  async ({ at }) => {
    const dataset = await openDataset(at(data), readModel(at(model)))
    try {
      const { notes } = dataset.summary()
      const samples = Object.values(dataset.splits).reduce((sum, { length }) => sum + length, 0)
      look(notes.join(' '), samples)
    } finally {
      await dataset.close()
    }
  }

const hasDtype = (run: RunResult, dtype: string): boolean => {
  const model: Model = readModel(run.candidates[0]!.files[0]!)
  return [...model.constants()].some(({ tensor }) => tensor.dtype === dtype)
}

const QUANTIZED = step('quantize-dynamic')
const FOUR_BITS = step('quantize-weights', { bits: 4 })
const BALANCED = [step('simplify'), step('quantize-static')]

export const CASES: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  'batch-on-second-axis': {
    evaluate: evaluates('batch_axis1.onnx'),
    'evaluate, its data': evaluates('batch_axis1.onnx', 'state_axis1.npz'),
    'quantize-static': compresses('batch_axis1.onnx', [step('quantize-static')], undefined, MADE),
  },
  'constant-bomb': { inspect: inspects('hugeconst-47kB-model.onnx', ['limit/memory']) },
  'csv-target-column': {
    evaluate: toldBy(
      evaluates('../reference/models/mlp.onnx', 'train.csv', ({ quality }) =>
        right(quality.value > 0, `${quality.metric} ${quality.value}`),
      ),
      ['data/unrecognised', 'data/shape-mismatch', 'data/labels-missing', 'data/unreadable'],
      /column/,
    ),
  },
  'damaged-parquet': {
    'open, and open the next': async (context) => {
      const { at } = context
      await toldBy(async () => {
        await openDataset(at('parquet-kills-engine.parquet'), readModel(at('../cases/utf16-csv/tab.onnx')))
      }, ['data/unreadable', 'data/shape-mismatch', 'data/unrecognised'])(context)
      await runJob('inspect', { model: at('../cases/utf16-csv/tab.onnx') })
    },
  },
  'data-dependent-output': Object.fromEntries(
    ['fixed', 'free'].map((batch) => {
      const model = `detector-${batch}-batch-data-dependent-output.onnx`
      return [`balanced, ${batch} batch`, compresses(model, BALANCED)]
    }),
  ),
  embedding: {
    evaluate: evaluates('emb.onnx'),
    'quantize-dynamic': compresses('emb.onnx', [step('quantize-dynamic', { leastWeights: 0 })]),
  },
  'equalize-dead-channel-with-bias': {
    'equalize, quantize-static': compresses(
      'deadbias_e10.onnx',
      [step('equalize'), step('quantize-static')],
      allLayers(3),
      MADE,
    ),
  },
  'fixed-batch': Object.fromEntries(
    ['1', 'N'].flatMap((batch) =>
      ['simplify', 'float16'].map((pass) => [
        `${pass}, batch ${batch}`,
        compresses(`plain-cnn-batch-${batch}.onnx`, [step(pass)]),
      ]),
    ),
  ),
  'float16-attention-casts': { float16: compresses('sdpa-torch-export.onnx', [step('float16')]) },
  'float16-input': { evaluate: evaluates('fp16-input-matmul.onnx') },
  'float64-model': {
    'quantize-dynamic': toldBy(
      compresses('float64.onnx', [QUANTIZED], smaller(2)),
      ['model/nothing-to-do'],
      /float64/,
    ),
  },
  'gemm-bias-1xN': { 'quantize-weights 4': compresses('gemm-bias-1xN.onnx', [FOUR_BITS], smaller(1.5)) },
  'gru-not-compressed': {
    'quantize-dynamic': toldBy(
      compresses('gru_bi.onnx', [QUANTIZED], smaller(1.5)),
      ['model/nothing-to-do'],
      /GRU/,
    ),
  },
  'int4-output': {
    codec: async ({ at }) => codecOutcome(fs.readFileSync(at('quantizelinear_int4_output.onnx'))),
    inspect: inspects('quantizelinear_int4_output.onnx'),
    evaluate: toldBy(evaluates('quantizelinear_int4_output.onnx'), [
      'model/not-a-tensor',
      'model/not-loadable',
      'model/no-scores',
      'model/unsupported-op',
    ]),
  },
  'local-functions': {
    'quantize-weights 4': compresses('local_function.onnx', [FOUR_BITS], allLayers(3)),
    'prune-channels': compresses('local_function.onnx', [step('prune-channels')], smaller(1.1), MADE),
  },
  loops: {
    'infinite-loop': inspects('infinite-loop.onnx', ['model/invalid', 'model/not-loadable', 'limit/memory']),
    'self-cycle': inspects('self-cycle.onnx', ['model/invalid', 'model/not-loadable', 'model/not-onnx']),
  },
  'missing-cells': {
    open: opens('tab.onnx', 'missing.csv', (notes, samples) =>
      right(samples === 108 && /12/.test(notes), `${samples} samples; ${notes}`),
    ),
    evaluate: evaluates('tab.onnx', 'missing.csv'),
  },
  'nan-in-calibration': {
    'quantize-static': toldBy(
      compresses('tab.onnx', [step('quantize-static')], undefined, 'nan_rows.npz'),
      ['model/nothing-to-do'],
      /^(?!.*mask)/,
    ),
    open: opens('tab.onnx', 'nan_rows.npz', (notes) => right(/\b6\b/.test(notes), notes)),
  },
  'object-array-message': {
    object: toldBy(
      evaluates('tab.onnx', 'object.npz'),
      ['data/unreadable', 'data/shape-mismatch'],
      /object/i,
    ),
    complex: toldBy(
      evaluates('tab.onnx', 'complex.npz'),
      ['data/unreadable', 'data/shape-mismatch'],
      /complex/i,
    ),
  },
  'past-key-values': { 'quantize-dynamic': compresses('gpt_past.onnx', [QUANTIZED], smaller(2)) },
  'prune-bias-in-value_floats': {
    'prune-channels': compresses('cc_vf.onnx', [step('prune-channels', { ratio: 0.4 })], smaller(1.2), MADE),
  },
  'prune-depthwise-odd-count': {
    'prune-channels': compresses(
      'dw_dead6.onnx',
      [step('prune-channels', { ratio: 0.375 })],
      (run, context) => losslessly(run, context, 'dw_dead6.onnx'),
      MADE,
    ),
  },
  'prune-float16-model': {
    'prune-channels': compresses(
      'cast_weights.onnx',
      [step('prune-channels', { ratio: 0.4 })],
      smaller(1.1),
      MADE,
    ),
    'prune-weights': compresses('cast_weights.onnx', [step('prune-weights', { sparsity: 0.5 })]),
    'low-rank': toldBy(compresses('cast_weights.onnx', [step('low-rank')]), ['model/nothing-to-do']),
  },
  'reading-changed-by-chance': {
    evaluate: evaluates('tab.onnx', 'random_labels.csv', ({ notes, quality }) =>
      right(quality.value > 0.3 && quality.value < 0.7, `${quality.value}; ${notes.join(' ')}`),
    ),
  },
  segmentation: {
    evaluate: evaluates('seg.onnx'),
    balanced: compresses('seg.onnx', BALANCED),
  },
  'state-of-other-batch': { balanced: compresses('vad-like-fixed-batch-state.onnx', BALANCED) },
  'token-tags': { evaluate: evaluates('ner.onnx'), 'quantize-dynamic': compresses('ner.onnx', [QUANTIZED]) },
  'utf16-csv': {
    evaluate: toldBy(
      evaluates('tab.onnx', 'utf16.csv', ({ quality }) => right(quality.value === 1, `${quality.value}`)),
      ['data/unreadable', 'data/unrecognised'],
      /UTF-16/,
    ),
  },
  'weights-in-if-branches': {
    inspect: async (context) => {
      const parameters = await parametersOf(context, 'merged_if.onnx')
      right(parameters > 0, 'no parameters')
    },
    'quantize-dynamic': toldBy(
      compresses('merged_if.onnx', [QUANTIZED], (run) => {
        smaller(2)(run)
        right(hasDtype(run, 'int8') || hasDtype(run, 'uint8'), 'no weights of 8 bits')
      }),
      ['model/nothing-to-do'],
      /\bIf\b|branch/,
    ),
  },
  'zipmap-output': {
    evaluate: toldBy(evaluates('zipmap.onnx'), ['model/no-scores', 'model/not-a-tensor'], /ZipMap/),
    simplify: compresses('zipmap.onnx', [step('simplify')]),
    codec: async ({ at }) => {
      const bytes = fs.readFileSync(at('zipmap.onnx'))
      decodeModel(bytes)
      return codecOutcome(bytes)
    },
  },
}
