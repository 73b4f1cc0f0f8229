/**
 * Weights that pretend to be integers while they learn: rounded forward, passed straight through backward.
 * Sources: arXiv:1902.08153 (learned step size, whose gradients the rules of Round, Clip, Div and Mul give),
 * arXiv:2004.10568 (AdaRound: learned rounding).
 */
import { blocksOf, type GroupedCodes } from '../math/quantize/grouped'
import { Tensor, type Graph } from '../onnx'
import type { Constraint } from './setup'
import type { Parameters } from './trainable'

/** Names of what learns in place of one weight. */
export interface FakeWeight {
  /** 'steps': weights [rows, blocks, block] and scales learn; 'rounding': up or down learns. */
  learns: 'steps' | 'rounding'
  /** Weights in units of `unit`, or rounding logits. */
  latent: string
  /** Logarithm of how much a scale [rows, blocks, 1] has grown, divided by `GROWTH`; absent for 'rounding'. */
  growth?: string
  unit: number
  start: GroupedCodes
  /** The codes in use, first and last. */
  bottom: number
  top: number
  /** For 'rounding': codes rounded down, padded like the latent. */
  floors?: Float32Array
}

/** Rows with their last block filled up with zeros: [rows, blocks · block]. */
function padRows(values: Float32Array, { rows, cols, block }: GroupedCodes, blocks: number): Float32Array {
  if (blocks * block === cols) return values.slice()
  const out = new Float32Array(rows * blocks * block)
  for (let r = 0; r < rows; r++) out.set(values.subarray(r * cols, (r + 1) * cols), r * blocks * block)
  return out
}

/** Size that weights of every layer are brought to, so that one learning rate suits all: that of usual kernels. */
const USUAL = 0.05

/** A scale grows as fast as a weight does, relative to its size: the balance arXiv:1902.08153, section 2.2, asks for. */
const GROWTH = 1 / USUAL

function unitOf(rows: Float32Array): number {
  const power = rows.reduce((sum, w) => sum + w * w, 0) / Math.max(1, rows.length)
  return power > 0 ? Math.sqrt(power) / USUAL : 1
}

/**
 * How far from its code a weight may start, in steps. Weights that error compensation moved lie at the edge of
 * their code; left there, the first updates push them back at random and undo what it won. From further inside,
 * only a lasting gradient changes a code.
 */
const INSIDE = 0.3

/** AdaRound's stretched sigmoid: h = clip(1.2·σ(v) − 0.1, 0, 1). */
const STRETCH = 1.2
const SHIFT = -0.1

const stretched = (v: number): number => Math.min(1, Math.max(0, STRETCH / (1 + Math.exp(-v)) + SHIFT))

/** The logit whose stretched sigmoid is `h`. */
const logitOf = (h: number): number => -Math.log(STRETCH / (Math.min(0.99, Math.max(0.01, h)) - SHIFT) - 1)

/**
 * Writes the fake-quantized form of a weight given as rows [rows, cols]; gives the value [rows, cols] that
 * stands for it and what learns; codes below `bottom` are left out. Call `graph.sort()` after the last.
 */
export function writeFakeWeight(
  graph: Graph,
  name: string,
  rows: Float32Array,
  start: GroupedCodes,
  learns: FakeWeight['learns'],
  bottom = 0,
): { value: string; fake: FakeWeight } {
  const blocks = blocksOf(start)
  const shape = [start.rows, blocks, start.block]
  const perBlock = [start.rows, blocks, 1]
  const op = (opType: string, ...inputs: string[]): string => {
    const output = graph.freshName(`${name}/${opType}`)
    graph.addNode({ opType, inputs, outputs: [output] })
    return output
  }
  const constant = (dims: readonly number[], values: Float32Array): string =>
    graph.addInitializer(`${name}/fixed`, Tensor.float32(dims, values))
  const scalar = (value: number): string =>
    graph.addInitializer(`${name}/fixed`, Tensor.scalar('float32', value))
  const top = 2 ** start.bits - 1
  const padded = padRows(rows, start, blocks)
  const codesAtStart = padRows(Float32Array.from(start.codes), start, blocks)
  const scales = constant(perBlock, start.scales)
  const zeros = constant(perBlock, start.zeros)
  const unit = unitOf(rows)
  let fake: FakeWeight
  let codes: string
  let scale = scales
  if (learns === 'steps') {
    // The nearest weight that rounds to the code to start with, which may be better than the nearest code.
    const nearest = padded.map((w, i) => {
      const b = Math.floor(i / start.block)
      const [scale, zero, code] = [start.scales[b]!, start.zeros[b]!, codesAtStart[i]!]
      const low = code === 0 ? -Infinity : code - INSIDE
      const high = code === top ? Infinity : code + INSIDE
      return ((Math.min(high, Math.max(low, w / scale + zero)) - zero) * scale) / unit
    })
    const latent = graph.addInitializer(`${name}/weights`, Tensor.float32(shape, nearest))
    const growth = graph.addInitializer(
      `${name}/growth`,
      Tensor.float32(perBlock, new Float32Array(start.scales.length)),
    )
    scale = op('Mul', scales, op('Exp', op('Mul', growth, scalar(GROWTH))))
    const level = op('Div', op('Mul', latent, scalar(unit)), scale)
    codes = op('Clip', op('Round', op('Add', level, zeros)), scalar(bottom), scalar(top))
    fake = { learns, latent, growth, unit, start, bottom, top }
  } else {
    const floors = new Float32Array(padded.length)
    const logits = new Float32Array(padded.length)
    for (let i = 0; i < padded.length; i++) {
      const b = Math.floor(i / start.block)
      const level = padded[i]! / start.scales[b]! + start.zeros[b]!
      // Up or down from where compensation for other errors put the weight, if that is further than one step.
      const code = codesAtStart[i]!
      floors[i] = Math.abs(level - code) < 1 ? Math.floor(level) : level > code ? code : code - 1
      logits[i] = logitOf(Math.abs(level - code) < 1 ? level - floors[i]! : 0.5)
    }
    const latent = graph.addInitializer(`${name}/rounding`, Tensor.float32(shape, logits))
    const sigmoid = op('Add', op('Mul', op('Sigmoid', latent), scalar(STRETCH)), scalar(SHIFT))
    const up = op('Clip', sigmoid, scalar(0), scalar(1))
    codes = op('Clip', op('Add', constant(shape, floors), up), scalar(bottom), scalar(top))
    fake = { learns, latent, unit, start, bottom, top, floors }
  }
  const values = op('Mul', op('Sub', codes, zeros), scale)
  const flat = graph.addInitializer(`${name}/shape`, Tensor.int64([start.rows, blocks * start.block]))
  const whole = op('Reshape', values, flat)
  if (blocks * start.block === start.cols) return { value: whole, fake }
  const ints = (value: number): string => graph.addInitializer(`${name}/shape`, Tensor.int64([value]))
  return { value: op('Slice', whole, ints(0), ints(start.cols), ints(1)), fake }
}

/** A logit that is decided and can still change its mind. */
const DECIDED = 2.2

/** Every weight up or down, as its logit leans. */
export const hardened = (logits: Float32Array): Float32Array =>
  logits.map((v) => (stretched(v) >= 0.5 ? DECIDED : -DECIDED))

/** Logits that give the codes a learned rounding started from. */
export function startingLogits({ start, floors }: FakeWeight): Float32Array {
  const codes = padRows(Float32Array.from(start.codes), start, blocksOf(start))
  return codes.map((code, i) => (code > floors![i]! ? DECIDED : -DECIDED))
}

/** Names of all that learns. */
export const fakeNames = (fakes: readonly FakeWeight[]): string[] =>
  fakes.flatMap(({ latent, growth }) => (growth ? [latent, growth] : [latent]))

/** The integers a trained weight became; scales are rounded as they will be stored. */
export function codesOf(
  parameters: Parameters,
  fake: FakeWeight,
  roundScale: (scale: number) => number,
): GroupedCodes {
  const { start, bottom, top, unit, learns, floors } = fake
  const blocks = blocksOf(start)
  const view = (name: string): Float32Array => parameters.view(parameters.names.indexOf(name))
  const latent = view(fake.latent)
  const growth = fake.growth ? view(fake.growth) : undefined
  const scales = start.scales.map((scale, b) =>
    growth ? roundScale(scale * Math.exp(GROWTH * growth[b]!)) : scale,
  )
  const codes = new Uint8Array(start.rows * start.cols)
  for (let r = 0; r < start.rows; r++)
    for (let c = 0; c < start.cols; c++) {
      const i = r * blocks * start.block + c
      const b = r * blocks + Math.floor(c / start.block)
      const level =
        learns === 'steps'
          ? Math.round((latent[i]! * unit) / scales[b]! + start.zeros[b]!)
          : floors![i]! + (stretched(latent[i]!) >= 0.5 ? 1 : 0)
      codes[r * start.cols + c] = Math.min(top, Math.max(bottom, level))
    }
  return { ...start, codes, scales }
}

/**
 * AdaRound's regularizer λ·Σ(1 − |2h − 1|^β), whose β falls from 20 to 2: rounding settles to up or down by the
 * end. Written as a gradient, as it needs no data. Nothing during the first fifth.
 */
export function roundingRegularizer(
  parameters: Parameters,
  fakes: readonly FakeWeight[],
  strength: number,
): Constraint {
  const spans = fakes.map(({ latent }) => {
    const i = parameters.names.indexOf(latent)
    return [parameters.offsets[i]!, parameters.sizes[i]!] as const
  })
  return {
    gradients(values, gradients, done) {
      if (done < 0.2) return
      const beta = 2 + 9 * (1 + Math.cos(Math.PI * Math.min(1, (done - 0.2) / 0.8)))
      const slopes = slopesOf(beta, strength)
      for (const [start, size] of spans) addSlopes(values, gradients, slopes, start, start + size)
    },
  }
}

/** Logits below and above which the stretched sigmoid is clipped, and steps a logit between is looked up in. */
const EDGE = Math.log(-STRETCH / SHIFT - 1)
const STEPS = 4096

/** Slope of the regularizer at each step: a power for each of a million weights takes longer than all else of an update. */
function slopesOf(beta: number, strength: number): Float32Array {
  return Float32Array.from({ length: STEPS }, (_, i) => {
    const v = EDGE * ((2 * i + 1) / STEPS - 1)
    const s = 1 / (1 + Math.exp(-v))
    const side = 2 * (STRETCH * s + SHIFT) - 1
    const slope = -beta * 2 * Math.sign(side) * Math.abs(side) ** (beta - 1)
    return strength * slope * STRETCH * s * (1 - s)
  })
}

function addSlopes(
  values: Float32Array,
  gradients: Float32Array,
  slopes: Float32Array,
  from: number,
  to: number,
): void {
  const scale = STEPS / (2 * EDGE)
  for (let i = from; i < to; i++) {
    const v = values[i]!
    if (v > -EDGE && v < EDGE) gradients[i]! += slopes[Math.floor((v + EDGE) * scale)]!
  }
}
