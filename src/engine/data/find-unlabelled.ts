/** Finds how inputs were prepared where no labels tell: the usual ways, and scale and offset, by what the model tells itself. */
import type { Preprocessing } from '../../contract/dataset'
import { gainByChance } from '../math/paired'
import { climb } from '../math/pattern-search'
import { sizeOf, type Model } from '../onnx'
import type { Runner } from '../runtime'
import { BY_TURNS, openRunner } from '../runtime'
import type { Value } from '../runtime/value'
import { samplesOf, type Sampling } from './answers'
import type { Batch, Dataset } from './dataset'
import { AS_BEFORE, inOrder, LEVEL, type Finding, type FindOptions } from './finding'
import { fitted, inputLayer, keepsChannels, type Parameters } from './input-fit'
import { rawStatistics } from './raw-statistics'
import { isAsGood, simplest } from './simplest'
import { samplingsOf } from './trials'
import { INVOLVED, resizeVariants, variantsOf, type PreparedAs } from './variants'
import { witnessOf, type Testimony, type Witness } from './witness'

const FEW = 64
const RANKED = 256
/** Samples that scale and offset are fitted to, of many numbers fewer. */
const FITTED = { fewest: 16, most: 128, numbers: 2 ** 20 }
/**
 * Nats per channel that samples of another origin than the training's are off what a layer learned, read rightly: a fit of six
 * numbers makes them less too. Numbers eight times too small are off by as much, three times too large by more.
 */
const DRIFT = 1.6
/** Heights asked for, for each number fitted. */
const ASKED = 40
const KEPT = 6
const SCORED = 5

interface Told {
  told: Testimony
}
type Heard = PreparedAs & Told & { instead?: Preprocessing }

/** The plain reading first where nothing is better; alone where the model tells nothing. Values are the witness's. */
export async function findUnlabelled(
  model: Model,
  dataset: Dataset,
  { signal, progress, value = 1 }: Pick<FindOptions, 'signal' | 'progress' | 'value'>,
): Promise<Finding[]> {
  const plain = {
    preprocessing: dataset.preprocessing,
    baseline: true,
    better: false,
    explanation: AS_BEFORE,
  }
  const witness = witnessOf(model, dataset)
  if (!witness || dataset.preprocessing.kind === 'text') return [{ ...plain, value }]
  const hearing = new Hearing(await openRunner(witness.model, BY_TURNS), witness, dataset, signal)
  try {
    const { few, ranked, confirming } = samplingsOf(dataset, FEW, RANKED)
    const base = dataset.preprocessing
    const told = await hearing.of(base, ranked)
    const asItIs: Heard = { preprocessing: base, words: '', involved: INVOLVED.asTheyAre, told }
    const ways = variantsOf(base, await rawStatistics(dataset))
    const first: Heard[] = []
    for (const [i, way] of ways.entries()) {
      progress?.((0.5 * i) / ways.length, `Trying how samples are read: way ${i + 1} of ${ways.length}`)
      first.push({ ...way, told: await hearing.of(way.preprocessing, few) })
    }
    const heard: Heard[] = []
    for (const way of first.sort(bestFirst).slice(0, KEPT))
      heard.push({ ...way, told: await hearing.of(way.preprocessing, ranked) })
    const [best = asItIs] = [asItIs, ...heard].sort(bestFirst)
    if (best.preprocessing.kind === 'image')
      for (const { preprocessing, words, involved } of resizeVariants(best.preprocessing))
        heard.push({
          preprocessing,
          involved: best.involved + involved,
          words: best.words ? `${best.words}, ${words}` : words,
          told: await hearing.of(preprocessing, ranked),
        })
    const fitting = (share: number): void => progress?.(0.7 + 0.2 * share, 'Fitting scale and offset')
    heard.push(...(await hearing.fitted([asItIs, ...heard].sort(bestFirst)[0]!, ranked, fitting)))
    const candidates = heard
      .filter(({ told }) => told.value > asItIs.told.value)
      .sort(bestFirst)
      .slice(0, SCORED)
    const before = await hearing.of(base, confirming)
    const by = { measure: witness.measure, plain: before.value }
    const findings: Finding[] = [{ ...plain, value: before.value, by }]
    const believable: { finding: Finding; involved: number; told: Testimony }[] = []
    for (const { preprocessing, words, involved, instead } of candidates) {
      const told = await hearing.of(preprocessing, confirming)
      const against = instead ? await hearing.of(instead, confirming) : before
      const isBeyondChance = (than: Testimony): boolean =>
        told.value > than.value && gainByChance(told.gains(than)) < LEVEL / candidates.length
      const better = isBeyondChance(before) && (against === before || isBeyondChance(against))
      const finding = { preprocessing, value: told.value, by, baseline: false, better, explanation: words }
      findings.push(finding)
      if (better) believable.push({ finding, involved, told })
    }
    const believed = simplest(
      believable.sort(bestFirst),
      // Statistics drift with how training samples were altered, and all of them count: the nearest are believed.
      (way, best) => witness.measure === 'separation' && isAsGood(best.told.gains(way.told)),
    )?.finding
    return inOrder(findings, believed)
  } finally {
    await hearing.close()
  }
}

const bestFirst = (a: Told, b: Told): number => b.told.value - a.told.value

class Hearing {
  constructor(
    private readonly runner: Runner,
    private readonly witness: Witness,
    private readonly dataset: Dataset,
    private readonly signal: AbortSignal | undefined,
  ) {}

  close(): Promise<void> {
    return this.runner.release()
  }

  of(preprocessing: Preprocessing, sampling: Sampling): Promise<Testimony> {
    return this.ofBatches(samplesOf(this.dataset.variant({ preprocessing }), sampling, this.signal))
  }

  private async ofBatches(batches: AsyncIterable<Batch> | Iterable<Batch>): Promise<Testimony> {
    const values: Value[] = []
    const { output } = this.witness
    for await (const { inputs } of batches) {
      this.signal?.throwIfAborted()
      values.push((await this.runner.run(inputs, [output]))[output]!)
    }
    return this.witness.tell(values)
  }

  /** Scale and offset in front of the best way, in all and then by channel. */
  async fitted(best: Heard, sampling: Sampling, progress: (share: number) => void): Promise<Heard[]> {
    if (this.witness.measure === 'statistics' && best.told.value > -DRIFT) return []
    const batches: Batch[] = []
    const reading = this.dataset.variant({ preprocessing: best.preprocessing })
    let samples = 0
    for await (const batch of samplesOf(reading, sampling, this.signal)) {
      batches.push(batch)
      samples += batch.indices.length
      const numbers = Object.values(batch.inputs).reduce((sum, { dims }) => sum + sizeOf(dims.slice(1)), 0)
      const wanted = Math.floor(FITTED.numbers / numbers)
      if (samples >= Math.min(FITTED.most, Math.max(FITTED.fewest, wanted))) break
    }
    const found: Heard[] = []
    for (const [round, byChannel] of [false, true].entries()) {
      const layer = inputLayer(best.preprocessing, batches, byChannel)
      if (!layer || layer.channels > MOST_FITTED || (byChannel && layer.channels === 1)) break
      const told = (at: Parameters): Promise<Testimony> =>
        this.ofBatches(batches.map((batch) => layer.apply(batch, at)))
      const size = layer.gainOnly ? layer.channels : 2 * layer.channels
      let asked = 0
      const height = async (p: Parameters): Promise<number> => {
        progress((round + Math.min(1, asked++ / (ASKED * size))) / 2)
        return keepsChannels(layer, p) ? (await told(p)).value : -Infinity
      }
      const at = await climb(new Float64Array(2 * layer.channels), size, height, ASKED * size)
      const preprocessing = fitted(best.preprocessing, layer, at)
      if (preprocessing)
        found.push({
          preprocessing,
          words: 'scale and offset fitted to what the model tells of unlabelled samples',
          involved: best.involved + INVOLVED.fitted,
          told: await told(at),
          instead: best.preprocessing,
        })
    }
    return found
  }
}

/** More channels have more numbers than unlabelled samples can tell apart in a bearable time. */
const MOST_FITTED = 8
