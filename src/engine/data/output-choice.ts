/** Which of several outputs the labels are for, where nobody says it: the one that fits them, else the one that answers them. */
import { PareError } from '../../contract/errors'
import { gainByChance } from '../math/paired'
import { isFloat, sizeOf, type Model } from '../onnx'
import { sampleDims, signatureOf } from '../runtime/signature'
import type { Dataset } from './dataset'
import { LEVEL } from './finding'
import { BEYOND_CHANCE, skillOf, type Skill } from './skill'

/** True of labels that are not for the output that was tried. */
const isUnfit = ({ data }: PareError): boolean =>
  data.code === 'data/labels-out-of-range' ||
  data.code === 'data/label-unclear' ||
  (data.code === 'data/shape-mismatch' && data.input === 'labels')

/** Outputs that are tried in place of the first. */
const MOST = 8

/** What is left to know of the labels must be this much less where the scores are of different kinds. */
const CLEARLY = 0.25

type Open = (output?: string, notes?: readonly string[]) => Promise<Dataset>

/** Sizes of one sample of the outputs that may be judged, states not among them; 0 where a size is not declared. */
function sizesOf(model: Model): Map<string, number> {
  const { inputs, outputs } = signatureOf(model)
  const states = new Set(inputs.map(({ state }) => state))
  const judged = outputs.filter(({ name, dtype = 'float32' }) => !states.has(name) && isFloat(dtype))
  return new Map(
    judged.map((port) => {
      const dims = sampleDims(port)
      return [port.name, dims.every((dim) => typeof dim === 'number') ? sizeOf(dims) : 0]
    }),
  )
}

/** `open` opens the dataset for an output, for the first where none is named. Throws as that does. */
export async function forFittingOutput(model: Model, open: Open, signal?: AbortSignal): Promise<Dataset> {
  const sizes = sizesOf(model)
  const first = signatureOf(model).outputs[0]?.name
  let plain: Dataset
  try {
    plain = await open()
  } catch (cause) {
    const others = [...sizes.keys()].filter((name) => name !== first).slice(0, MOST)
    if (!(cause instanceof PareError && isUnfit(cause)) || others.length === 0) throw cause
    const fitting = await opened(others, open)
    if (fitting.length === 0) throw cause
    const { name } = await answering(model, fitting, signal)
    await closeAll(fitting)
    const also = fitting.filter((one) => one.name !== name).map((one) => one.name)
    const more = also.length > 0 ? `; they would fit ${also.join(' and ')} as well` : ''
    return open(name, [`Output “${name}” is judged: the labels do not fit “${first}”${more}.`])
  }
  const rivals = first === undefined ? [] : rivalsOf(plain, first, sizes)
  if (rivals.length === 0) return plain
  const fitting = [{ name: first!, dataset: plain }, ...(await opened(rivals, open))]
  const best = await answering(model, fitting, signal)
  await closeAll(fitting.filter(({ dataset }) => dataset !== plain))
  if (best.dataset === plain) return plain
  await plain.close()
  const others = fitting.filter((one) => one !== best).map(({ name }) => name)
  return open(best.name, [
    `Output “${best.name}” is judged: the model answers the labels better there than in ${others.join(' and ')}.`,
  ])
}

interface Candidate {
  name: string
  dataset: Dataset
}

async function opened(names: readonly string[], open: Open): Promise<Candidate[]> {
  const found: Candidate[] = []
  for (const name of names) {
    const dataset = await open(name).catch((cause: unknown) => {
      if (cause instanceof PareError && cause.code.startsWith('data/')) return undefined
      throw cause
    })
    if (dataset) found.push({ name, dataset })
  }
  return found
}

async function closeAll(candidates: readonly Candidate[]): Promise<void> {
  for (const { dataset } of candidates) await dataset.close()
}

/** Others that have one number for each class that occurs, or for each number of a label, as the first may have. */
function rivalsOf(dataset: Dataset, first: string, sizes: ReadonlyMap<string, number>): string[] {
  if (!sizes.has(first)) return []
  const others = [...sizes].filter(([name]) => name !== first)
  const names = (fits: (size: number) => boolean): string[] =>
    others.filter(([, size]) => fits(size)).map(([name]) => name)
  const { task } = dataset
  if (task === 'classification') {
    const seen = dataset.summary().classCounts?.filter((count) => count > 0).length
    return names((size) => size === seen || (seen === 2 && size === 1))
  }
  if (task !== 'regression' && task !== 'multi-label') return []
  return names((size) => size > 0 && (size === sizes.get(first) || sizes.get(first) === 1))
}

/** The first, unless another answers the labels better by more than chance explains. */
async function answering(
  model: Model,
  candidates: readonly Candidate[],
  signal: AbortSignal | undefined,
): Promise<Candidate> {
  const [first] = candidates
  if (candidates.length === 1) return first!
  let best: { candidate: Candidate; skill: Skill | undefined } | undefined
  for (const candidate of candidates) {
    const { dataset } = candidate
    const skill = await skillOf(model, dataset, { splits: ['calibration', 'training'], limit: 512, signal })
    const isBetter =
      best === undefined ||
      (skill && knowsMore(skill, best.skill, dataset.task === best.candidate.dataset.task))
    if (isBetter) best = { candidate, skill }
  }
  return best!.candidate
}

function knowsMore(skill: Skill, than: Skill | undefined, alike: boolean): boolean {
  if (skill.z <= BEYOND_CHANCE) return false
  if (!than || than.z <= BEYOND_CHANCE) return true
  if (!alike || skill.each.length !== than.each.length) return 1 - skill.value < CLEARLY * (1 - than.value)
  return gainByChance(skill.each.map((v, i) => v - than.each[i]!)) < LEVEL
}
