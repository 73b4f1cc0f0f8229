/** Whether what a pass gave is a model that may stand in for the original. */
import type { InterfacePart } from '../../src/contract/passes'
import { encodeModel, type Dim, type Model, type ValueInfo } from '../../src/engine/onnx'
import { withSession } from '../../src/engine/runtime/session'
import { floatsOf, type Value, type Values } from '../../src/engine/runtime/value'
import type { Outcome } from './suite'

/** How the original answers, where it answers at all. */
export interface Reference {
  model: Model
  inputs?: Values
  outputs?: Values
}

/**
 * Largest difference of an output over its largest magnitude. `exact` passes compute what the model did, up to rounding.
 * Of lossy ones a likeness is asked that only a spoilt model misses: codes of 4 bits on single random tensors are far off
 * by nature.
 */
export const TOLERANCE = { exact: 1e-4, float16: 2e-2 } as const

export async function runModel(model: Model, inputs: Values): Promise<Values> {
  return withSession(model, { optimization: 'disabled', threads: 1 }, (session) => session.run(inputs))
}

/** The original's own answers; nothing where it does not run, or answers by chance. */
export async function referenceOf(model: Model, inputs: Values | undefined): Promise<Reference> {
  if (!inputs) return { model }
  try {
    const [outputs, again] = [await runModel(model, inputs), await runModel(model, inputs)]
    // With its own optimizations, which users run it with, ONNX Runtime refuses some that it runs without.
    await withSession(model, {}, async () => undefined)
    const isSteady = Object.entries(outputs).every(([name, value]) => difference(value, again[name]!) === 0)
    return isSteady ? { model, inputs, outputs } : { model, inputs }
  } catch {
    return { model }
  }
}

const portText = ({ name, dtype, dims, raw }: ValueInfo): string =>
  `${name} ${dtype ? `${dtype}[${dims?.map(String).join(', ') ?? '…'}]` : (raw?.length ?? 'nothing')}`

const interfaceOf = ({ graph }: Model): string =>
  `${graph.requiredInputs.map(portText).join('; ')} → ${graph.outputs.map(portText).join('; ')}`

/** The same but for what may change: sizes that are free in one of them, or types. */
function samePort(a: ValueInfo, b: ValueInfo, changes: InterfacePart | undefined): boolean {
  if (changes === undefined || a.name !== b.name) return portText(a) === portText(b)
  if (changes === 'types') return true
  const fits = (dim: Dim, other: Dim | undefined): boolean =>
    dim === other || typeof dim !== 'number' || typeof other !== 'number'
  return (
    a.dtype === b.dtype &&
    (!a.dims || (a.dims.length === b.dims?.length && a.dims.every((dim, axis) => fits(dim, b.dims![axis]))))
  )
}

function sameInterface(a: Model, b: Model, changes: InterfacePart | undefined): boolean {
  const same = (was: readonly ValueInfo[], is: readonly ValueInfo[]): boolean =>
    was.length === is.length && was.every((port, i) => samePort(port, is[i]!, changes))
  return same(a.graph.requiredInputs, b.graph.requiredInputs) && same(a.graph.outputs, b.graph.outputs)
}

/** Largest difference over the largest magnitude of `a`; Infinity where type, shape or what is finite differ. */
export function difference(a: Value, b: Value | undefined): number {
  if (!b || a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) return Infinity
  if (Array.isArray(a.data)) return a.data.every((text, i) => text === (b.data as string[])[i]) ? 0 : Infinity
  const [x, y] =
    a.dtype === 'float64' ? [a.data as Float64Array, b.data as Float64Array] : [floatsOf(a), floatsOf(b)]
  let size = 0
  let most = 0
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i]!, y[i]!]
    if (Number.isFinite(p)) size = Math.max(size, Math.abs(p))
    if (p === q || (Number.isNaN(p) && Number.isNaN(q))) continue
    if (!Number.isFinite(p) || !Number.isFinite(q)) return Infinity
    most = Math.max(most, Math.abs(p - q))
  }
  return most === 0 ? 0 : most / Math.max(size, Number.MIN_VALUE)
}

/** A size that nothing declares and no input has may hang on values: how many boxes a detector finds, say. */
function differsAsDataMay({ graph }: Model, output: string, a: Value, b: Value): boolean {
  const named = new Set(graph.requiredInputs.flatMap(({ dims = [] }) => dims))
  const declared = graph.outputs.find(({ name }) => name === output)?.dims
  const isFree = (axis: number): boolean => {
    const dim = declared?.[axis]
    return typeof dim !== 'number' && (dim === null || dim === undefined || !named.has(dim))
  }
  return (
    a.dtype === b.dtype &&
    a.dims.length === b.dims.length &&
    a.dims.every((size, axis) => size === b.dims[axis] || isFree(axis))
  )
}

/**
 * `tolerance` undefined: the result must load, answer in the same shapes, and be finite where the original is. `changes` is
 * what its pass may change of the interface.
 */
export async function judge(
  result: Model,
  reference: Reference,
  { tolerance, changes }: { tolerance?: number; changes?: InterfacePart } = {},
): Promise<Outcome> {
  const wrong = (detail: string): Outcome => ({ verdict: 'wrong', detail })
  const [was, is] = [interfaceOf(reference.model), interfaceOf(result)]
  if (!sameInterface(reference.model, result, changes)) return wrong(`interface: ${was} became ${is}`)
  const bytes = encodeModel(result).length
  const told = `${encodeModel(reference.model).length} → ${bytes} bytes`
  if (!reference.inputs) {
    try {
      await withSession(reference.model, {}, async () => undefined)
    } catch {
      return { verdict: 'ok', detail: `${told}, the original does not load` }
    }
    return withSession(result, {}, async () => ({ verdict: 'ok' as const, detail: told })).catch(
      (cause: Error) => wrong(`does not load: ${cause.message.slice(0, 400)}`),
    )
  }
  let outputs: Values
  try {
    outputs = await runModel(result, reference.inputs)
  } catch (cause) {
    return wrong(`does not run: ${String((cause as Error).message).slice(0, 400)}`)
  }
  if (!reference.outputs) return { verdict: 'ok', detail: told }
  let worst = 0
  for (const [name, value] of Object.entries(reference.outputs)) {
    const now = outputs[name]
    if (!now) return wrong(`output ${name} is gone`)
    const isSame = value.dtype === now.dtype && value.dims.join() === now.dims.join()
    if (!isSame && tolerance !== TOLERANCE.exact && differsAsDataMay(reference.model, name, value, now))
      continue
    if (!isSame)
      return wrong(`output ${name} was ${value.dtype}[${value.dims}] and is ${now.dtype}[${now.dims}]`)
    const off = difference(value, now)
    const isExact = tolerance !== undefined && (tolerance <= TOLERANCE.exact || /float/.test(value.dtype))
    if (isExact && off > tolerance) return wrong(`output ${name} is off by ${off.toPrecision(2)} of its size`)
    if (off === Infinity && /float/.test(value.dtype)) return wrong(`output ${name} is no longer finite`)
    worst = Math.max(worst, off)
  }
  return { verdict: 'ok', detail: `${told}, off by ${worst.toPrecision(2)}` }
}
