import { z } from 'zod'
import { PareError, errorData } from '../../contract/errors'
import { exampleFeeds } from '../data/feeds'
import { compareOutputs } from '../evaluate/comparison/outputs'
import type { Dim, Model, ValueInfo } from '../onnx'
import { isFree, signatureOf, withSession, workingFeeds, type Port, type Values } from '../runtime'
import { kindsOfAxes, type AxisKind } from './shapes/axes'
import { definePass, type PassContext, type PassResult } from './pass'

const ID = 'fix-shapes'

const KINDS = ['batch', 'height', 'width', 'length'] as const satisfies readonly AxisKind[]

const size = (label: string, help: string, fallback: number) =>
  z
    .int()
    .min(0)
    .max(1_000_000)
    .default(fallback)
    .meta({ label, help: `${help} 0 leaves it free.` })

const params = z.object({
  batch: size('Batch', 'Samples a run takes.', 1),
  height: size('Height', 'Rows of an image.', 0),
  width: size('Width', 'Columns of an image.', 0),
  length: size('Length', 'Tokens, frames or samples of sound.', 0),
  axes: z.array(z.string()).default([]).meta({
    label: 'Axes by name',
    help: 'Sizes of axes as the model calls them, such as sequence=128; they go before the others.',
    advanced: true,
  }),
})

type Params = z.output<typeof params>

/** Kernels may add up in another order where sizes are known. */
const TOLERANCE = 1e-5

/** Sizes by the name of an axis, and of nameless ones by input and place. */
interface Sizes {
  names: Map<string, number>
  places: Map<string, number>
}

const placeOf = (input: string, axis: number): string => `${input}[${axis}]`

function namedSizes(axes: readonly string[]): Map<string, number> {
  return new Map(
    axes.map((text): [string, number] => {
      const [name, digits] = text.split('=').map((part) => part.trim())
      const value = Number(digits)
      if (!name || !Number.isSafeInteger(value) || value < 1)
        throw new PareError('pass/bad-parameter', {
          pass: ID,
          parameter: 'axes',
          reason: `“${text}” is not NAME=SIZE with a whole size above 0`,
        })
      return [name, value]
    }),
  )
}

/** What is asked for, laid on the axes there are, and what found none. */
function sizesFor(inputs: readonly Port[], asked: Params): { sizes: Sizes; unused: string[] } {
  const sizes: Sizes = { names: namedSizes(asked.axes), places: new Map() }
  const unused = new Set<string>(sizes.names.keys())
  for (const kind of KINDS) if (asked[kind] > 0) unused.add(kind)
  for (const port of inputs)
    for (const [axis, kind] of kindsOfAxes(port).entries()) {
      const dim = port.dims[axis]
      if (typeof dim === 'string') unused.delete(dim)
      if (!kind || asked[kind] === 0) continue
      unused.delete(kind)
      if (typeof dim !== 'string' || dim === '') sizes.places.set(placeOf(port.name, axis), asked[kind])
      else if (!sizes.names.has(dim)) sizes.names.set(dim, asked[kind])
    }
  return { sizes, unused: [...unused] }
}

const fixed = (info: ValueInfo, { names, places }: Sizes): ValueInfo => {
  const dims = info.dims?.map((dim, axis): Dim => {
    const known = typeof dim === 'string' ? names.get(dim) : undefined
    return known ?? (isFree(dim) ? places.get(placeOf(info.name, axis)) : undefined) ?? dim
  })
  const same = dims?.every((dim, axis) => dim === info.dims![axis]) ?? true
  return same ? info : { ...info, dims, raw: undefined }
}

function withSizes(original: Model, sizes: Sizes): Model {
  const model = original.clone()
  const { graph } = model
  graph.inputs = graph.inputs.map((info) => fixed(info, sizes))
  graph.outputs = graph.outputs.map((info) => fixed(info, { ...sizes, places: new Map() }))
  // What was noted of values in between may still name sizes that are numbers now.
  graph.valueInfo.clear()
  return model
}

/** Outputs get the sizes that they have in every run; those that hang on the values of the inputs stay free. */
async function fixOutputs(model: Model, feeds: Values): Promise<void> {
  const again = await workingFeeds(model, { batch: signatureOf(model).batch, seed: 1 }).catch(() => undefined)
  const inputsFixed = signatureOf(model).inputs.every(({ dims }) => dims.every((dim) => !isFree(dim)))
  if (!again || !inputsFixed) return
  const [a, b] = await withSession(model, { optimization: 'disabled' }, async (session) => [
    await session.run(feeds),
    await session.run(again),
  ])
  model.graph.outputs = model.graph.outputs.map((info) => {
    const [x, y] = [a?.[info.name], b?.[info.name]]
    if (!x || x.dims.join() !== y?.dims.join()) return info
    return { ...info, dtype: x.dtype, dims: x.dims, raw: undefined }
  })
}

const wordsFor = (what: string): string =>
  KINDS.some((kind) => kind === what) ? `is a ${what}` : `is called “${what}”`

async function fix(original: Model, asked: Params, context: PassContext): Promise<PassResult> {
  const { inputs } = signatureOf(original)
  const { sizes, unused } = sizesFor(inputs, asked)
  const model = withSizes(original, sizes)
  const changed = model.graph.inputs.flatMap((info, i) =>
    info.dims?.join() === original.graph.inputs[i]!.dims?.join()
      ? []
      : [`${info.name} [${info.dims!.map((dim) => dim ?? '?').join(', ')}]`],
  )
  if (changed.length === 0) {
    const free = inputs.some(({ dims }) => dims.some(isFree))
    const reason = free
      ? `no input has a free axis that ${unused.map(wordsFor).join(' or ')}`
      : 'all sizes are fixed already'
    throw new PareError('model/nothing-to-do', { by: ID, reason })
  }
  context.progress(0.3, 'running in these sizes')
  await checkRuns(original, model, context)
  return {
    model,
    summary: `Fixed: ${changed.join(', ')}; run in these sizes, it answers as before.`,
    skipped: unused.map((what) => ({
      layer: what,
      reason: `no input has a free axis that ${wordsFor(what)}`,
    })),
  }
}

/** Throws `pass/bad-parameter` with ONNX Runtime's reason where the model does not run so. */
async function checkRuns(original: Model, model: Model, context: PassContext): Promise<void> {
  const refused = (reason: string, cause?: unknown): PareError =>
    new PareError('pass/bad-parameter', { pass: ID, parameter: 'sizes', reason }, { cause })
  try {
    const feeds = await exampleFeeds({ ...context, original: model }, signatureOf(model).batch)
    await fixOutputs(model, feeds)
    const { relative, output } = await compareOutputs(original, model, feeds)
    if (relative > TOLERANCE) throw refused(`the output “${output}” is another one in fixed sizes`)
  } catch (cause) {
    const data = errorData(cause)
    if (data.code !== 'model/no-working-input' && data.code !== 'model/not-loadable') throw cause
    throw refused(`the model does not run in these sizes (${data.reason})`, cause)
  }
}

export const fixShapes = definePass({
  id: ID,
  title: 'Fix sizes',
  term: 'static shapes',
  family: 'clean-up',
  role: 'adapts',
  changes: 'sizes',
  summary:
    'Gives free sizes of the inputs numbers: phones, NPUs and microcontrollers want them fixed. The model is run in these sizes and must answer as before.',
  sources: ['onnxruntime.ai/docs, make dynamic input shape fixed'],
  params,
  run: fix,
})
