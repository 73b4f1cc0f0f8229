/**
 * A removal is proven by running: the pruned model gives what the whole one gives when the same channels are multiplied
 * by zero wherever they are summed.
 */
import { Tensor, isFloat, type Model } from '../../onnx'
import type { Separated } from '../../layers/normalize'
import type { NotALayer } from '../../layers/find'
import { floatsOf, signatureOf, withSession, type Values } from '../../runtime'
import { partFailure } from '../part-failure'
import type { ShapeSource } from './collect'
import type { DependencyGraph } from './graph'
import { keptAfter, removeUnits, type Kept } from './remove'

/** The model with every input of a sum multiplied by zero where its channels go. */
export function masked(model: Model, source: ShapeSource, dependencies: DependencyGraph, kept: Kept): Model {
  const copy = model.clone()
  const nodes = [...copy.graph.nodes]
  for (const { node, value, axis } of dependencies.sinks) {
    const stays = kept(value, axis)
    if (!stays) continue
    const { dims, dtype } = source.shapes.get(value)!
    const mask = new Float32Array(dims[axis]!)
    for (const i of stays) mask[i] = 1
    const shape = dims.map((length, i) => (i === axis ? length : 1))
    const name = copy.graph.addInitializer('mask', Tensor.of(dtype, shape, mask))
    const out = copy.graph.freshName('masked')
    copy.graph.addNode({ opType: 'Mul', inputs: [value, name], outputs: [out] })
    const reader = nodes[node]!
    reader.inputs = reader.inputs.map((input) => (input === value ? out : input))
  }
  copy.graph.sort()
  return copy
}

/** Energy of the difference, as a share of the output's, that rounding explains. */
const TOLERANCE = 1e-4

async function outputsOf(model: Model, feeds: Values): Promise<Values> {
  const names = signatureOf(model).outputs.flatMap(({ name, dtype }) => (dtype ? [name] : []))
  return withSession(model, { optimization: 'disabled' }, (session) => session.run(feeds, names))
}

/** Whether outputs are finite and of the same shapes, or only the same ranks, where others are: why not, if not. */
function strangeness(
  expected: Values,
  found: Values,
  { sizes = true }: { sizes?: boolean } = {},
): string | undefined {
  for (const [name, { dims, dtype, ...value }] of Object.entries(expected)) {
    const other = found[name]!
    if (sizes ? other.dims.join() !== dims.join() : other.dims.length !== dims.length)
      return `${name} would have another shape`
    if (!isFloat(dtype)) continue
    const [x, y] = [floatsOf({ dims, dtype, ...value }), floatsOf(other)]
    if (x.every(Number.isFinite) && !y.every(Number.isFinite)) return `${name} would not be finite`
  }
  return undefined
}

function difference(expected: Values, found: Values): string | undefined {
  const strange = strangeness(expected, found)
  if (strange) return strange
  for (const [name, value] of Object.entries(expected)) {
    if (!isFloat(value.dtype)) continue
    const [x, y] = [floatsOf(value), floatsOf(found[name]!)]
    let [error, energy] = [0, 0]
    for (let i = 0; i < x.length; i++) {
      error += (x[i]! - y[i]!) ** 2
      energy += x[i]! ** 2
    }
    if (error > TOLERANCE * energy) return `${name} would change by more than what these channels add`
  }
  return undefined
}

interface Proven {
  model: Model
  kept: Kept
  removed: ReadonlySet<number>
  /** Groups whose channels stay because taking them out did not hold, by the name of the group. */
  leftOut: NotALayer[]
}

/** Takes the units out that can be, all at once or, where that does not hold, group by group. */
export async function removeProven(
  prepared: Separated,
  source: ShapeSource,
  dependencies: DependencyGraph,
  wanted: ReadonlySet<number>,
  feeds: Values,
): Promise<Proven> {
  const attempt = async (removed: ReadonlySet<number>): Promise<Omit<Proven, 'leftOut'> | string> => {
    const kept = keptAfter(dependencies, removed)
    try {
      const model = removeUnits(prepared, source, kept)
      const whole = masked(prepared.model, source, dependencies, kept)
      const reason = difference(await outputsOf(whole, feeds), await outputsOf(model, feeds))
      return reason ?? { model, kept, removed }
    } catch (thrown) {
      return partFailure(thrown)
    }
  }
  const all = await attempt(wanted)
  if (typeof all !== 'string') return { ...all, leftOut: [] }
  const leftOut: NotALayer[] = []
  let held: Omit<Proven, 'leftOut'> = {
    model: prepared.model.clone(),
    kept: () => undefined,
    removed: new Set(),
  }
  for (const { name, units } of dependencies.groups) {
    const going = units.flatMap(({ id }) => (wanted.has(id) ? [id] : []))
    if (going.length === 0) continue
    const more = await attempt(new Set([...held.removed, ...going]))
    if (typeof more === 'string') leftOut.push({ layer: name, reason: `its channels stay: ${more}` })
    else held = more
  }
  return { ...held, leftOut }
}

/**
 * Why a model with other numbers in its weights does not load or answer like the one it was made of, if so. Their shapes
 * are the same: sizes of outputs that differ hang on values, as the number of boxes that a detector finds.
 */
export async function answersLike(model: Model, before: Model, feeds: Values): Promise<string | undefined> {
  try {
    return strangeness(await outputsOf(before, feeds), await outputsOf(model, feeds), { sizes: false })
  } catch (thrown) {
    return partFailure(thrown)
  }
}
