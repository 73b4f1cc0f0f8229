/** What must stay true of weights while they learn: exact zeros, values shared by many weights. */
import type { Model } from '../onnx'
import type { Constraint } from './setup'
import type { Parameters } from './trainable'

/** Metadata entry with a JSON array of the initializers whose zeros are a mask. */
export const MASKS = 'pare.masks'

/** Names of initializers whose zeros must stay; an entry that is not a list of names counts as empty. */
export function maskedNames(model: Model): string[] {
  try {
    const names: unknown = JSON.parse(model.metadata.get(MASKS) ?? '[]')
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []
  } catch {
    return []
  }
}

export function withMasks(model: Model, names: Iterable<string>): Model {
  const all = [...new Set([...maskedNames(model), ...names])].filter((name) =>
    model.graph.initializers.has(name),
  )
  if (all.length > 0) model.metadata.set(MASKS, JSON.stringify(all))
  return model
}

/** Elements of the named weights that are exactly zero stay zero; undefined where there are none. */
export function keepZeros(parameters: Parameters, names: readonly string[]): Constraint | undefined {
  const frozen: number[] = []
  parameters.names.forEach((name, i) => {
    if (!names.includes(name)) return
    const start = parameters.offsets[i]!
    parameters.view(i).forEach((value, j) => {
      if (value === 0) frozen.push(start + j)
    })
  })
  if (frozen.length === 0) return undefined
  const indices = Uint32Array.from(frozen)
  return {
    gradients: (_values, gradients) => {
      for (const i of indices) gradients[i] = 0
    },
    values: (values) => {
      for (const i of indices) values[i] = 0
    },
  }
}

/** A weight with at most this many different values holds shared values. */
const MAX_SHARED = 256
/** … provided each stands for several weights on average; small tensors repeat values by chance. */
const MIN_SHARING = 4

/** Group of each element of a weight by its value; undefined where values are not shared. */
function groupsOf(values: Float32Array): { groups: Uint16Array; count: number; zero: number } | undefined {
  const byValue = new Map<number, number>()
  const groups = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]! === 0 ? 0 : values[i]!
    let group = byValue.get(value)
    if (group === undefined) {
      group = byValue.size
      if (group === MAX_SHARED) return undefined
      byValue.set(value, group)
    }
    groups[i] = group
  }
  if (values.length < MIN_SHARING * byValue.size) return undefined
  return { groups, count: byValue.size, zero: byValue.get(0) ?? -1 }
}

/**
 * Weights that share a value go on sharing it: each gets the summed gradient of its group, so that what is
 * trained are the shared values themselves. Zeros stay zero. Source: arXiv:1510.00149, section 3.3.
 */
export function keepShared(parameters: Parameters): { constraint?: Constraint; names: string[] } {
  const tied = parameters.names.flatMap((name, i) => {
    const found = groupsOf(parameters.view(i))
    return found ? [{ name, start: parameters.offsets[i]!, ...found }] : []
  })
  if (tied.length === 0) return { names: [] }
  const gradients: Constraint['gradients'] = (_values, all) => {
    for (const { start, groups, count, zero } of tied) {
      const sums = new Float64Array(count)
      for (let i = 0; i < groups.length; i++) sums[groups[i]!]! += all[start + i]!
      if (zero >= 0) sums[zero] = 0
      for (let i = 0; i < groups.length; i++) all[start + i] = sums[groups[i]!]!
    }
  }
  return { constraint: { gradients }, names: tied.map(({ name }) => name) }
}
