/**
 * What each layer is stored in so that a limit holds: few bits where they do no harm, 8 where they do, floats where even
 * 8 cost too much.
 */
import type { Divergence } from '../../evaluate/comparison/divergence'
import { encodedLength, type Graph, type Model } from '../../onnx'
import { nodesIn } from '../../layers/find'
import type { Layer } from '../../layers/layer'
import { gainText, keepFloat, keepFloatSentence, type KeepFloatProblem, type KeptFloat } from './keep-float'

export const WIDE = 8

/** Bytes of a weight above which codes instead of it are smaller in any encoding, with what they need around them. */
const CERTAIN = 2 ** 14

/** Layers by what they get instead of the bits asked for. */
export interface Exceptions {
  floats: ReadonlySet<string>
  wide: ReadonlySet<string>
}

export const NO_EXCEPTIONS: Exceptions = { floats: new Set(), wide: new Set() }

export interface WidthProblem extends Omit<KeepFloatProblem, 'build' | 'layers'> {
  /** Layers to choose for, those that read one weight together: they take the same. */
  tied: readonly (readonly string[])[]
  build(exceptions: Exceptions): Model
  /** Floats whatever the limit. */
  floats: ReadonlySet<string>
  /** Makes the codes of 8 bits that `build` needs for `wide`; absent where nothing is wider. */
  widen?(): Promise<void>
}

export interface Widths extends Exceptions {
  /** First step: which take 8 bits; second: which stay float. */
  wider?: KeptFloat
  kept?: KeptFloat
}

export async function chooseWidths(asked: WidthProblem): Promise<Widths> {
  const { floats, tied, limit, widen } = asked
  const layers = tied.map(([first]) => first!)
  const problem = { ...asked, layers }
  const whole = (kept: KeptFloat): KeptFloat => ({
    ...kept,
    floats: tied.flatMap((names) => (kept.floats.includes(names[0]!) ? names : [])),
  })
  const none: ReadonlySet<string> = new Set()
  const full = problem.build({ floats, wide: none })
  const first = await problem.evaluate(full)
  if (first.points <= limit) return { floats, wide: none }
  let wide = none
  let wider: KeptFloat | undefined
  if (widen) {
    await widen()
    wider = whole(
      await keepFloat(full, {
        ...problem,
        instead: `at ${WIDE} bits`,
        progress: (done, doing) => problem.progress(done / 2, doing),
        build: (wide) => problem.build({ floats, wide }),
      }),
    )
    wide = new Set(wider.floats)
    if (holds(wider.after, limit)) return { floats, wide, wider }
    wide = new Set(tied.flat())
  }
  const kept = whole(
    await keepFloat(problem.build({ floats, wide }), {
      ...problem,
      known: widen ? undefined : problem.known,
      progress: (done, doing) => problem.progress(0.5 + done / 2, doing),
      build: (more) => problem.build({ floats: new Set([...floats, ...more]), wide }),
    }),
  )
  const all = new Set([...floats, ...kept.floats])
  return { floats: all, wide: new Set([...wide].filter((layer) => !all.has(layer))), wider, kept }
}

const holds = (after: Divergence | undefined, limit: number): boolean =>
  after !== undefined && after.points <= limit

export const LARGER_AS_CODES = 'its codes would take more bytes than its floats'

/**
 * Layers that make a larger file as codes: small ones, by what codes need around them, and those whose floats something
 * else reads, beside which codes come on top. `build` gives codes to the given ones alone.
 */
export function largerAsCodes(
  model: Model,
  layers: readonly Layer[],
  build: (some: Layer[]) => Model,
): Set<string> {
  const before = encodedLength(model)
  const readers = readersOf(model.graph)
  const found = new Set<string>()
  for (const { name, tensor, rowsKey } of layers) {
    const tied = layers.filter((layer) => layer.rowsKey === rowsKey)
    const isReadElsewhere = tied.some(
      ({ weight }) => (readers.get(weight) ?? 0) > tied.filter((layer) => layer.weight === weight).length,
    )
    if (tensor.byteLength >= CERTAIN && !isReadElsewhere) continue
    if (encodedLength(build(tied)) >= before) found.add(name)
  }
  return found
}

/** How often each value is read, bodies included. */
function readersOf(graph: Graph): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { node } of nodesIn(graph, true))
    for (const value of node.inputs) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

/** Of layers that got something else for the limit, in words; `before` stay float for another reason. */
export function exceptionsTold(
  { floats, wide, wider, kept }: Widths,
  before: ReadonlySet<string>,
): { layer: string; reason: string }[] {
  const cost = (chosen: KeptFloat | undefined, layer: string): string => {
    return chosen?.gains.has(layer) ? `it alone costs ${gainText(chosen, layer)}` : 'to hold the limit'
  }
  return [
    ...[...floats]
      .filter((layer) => !before.has(layer))
      .map((layer) => ({
        layer,
        reason: `kept in float: ${cost(kept, layer)}`,
      })),
    ...[...wide].map((layer) => ({ layer, reason: `${WIDE} bits: ${cost(wider, layer)}` })),
  ]
}

/** "3 of 53 layers take 8 bits: they cost 4.1 of the 4.6 answers in 100 that change". */
export function widthsTold({ wide, wider, kept }: Widths, layers: number, limit: number): string[] {
  const told = kept ? keepFloatSentence(kept, layers, limit) : ''
  if (!wider) return told ? [told] : []
  const eight = kept
    ? `${wide.size} of ${layers} layers take ${WIDE} bits`
    : keepFloatSentence(wider, layers, limit).replace('stay float', `take ${WIDE} bits`)
  return told ? [eight, told] : [eight]
}
