/**
 * A plug-in: a pass, a target, an encoding and a task of one's own.
 *
 * pare passes round-to-step --plugin ./plugin.mjs
 * pare compress model.onnx --plugin ./plugin.mjs --pass 'round-to-step step=0.01' --out small
 * pare compress model.onnx --plugin ./plugin.mjs --pass 'quantize-weights method=squares' --out small
 * pare evaluate model.onnx --plugin ./plugin.mjs --data data --task within-a-tenth
 */
import { defineEncoding, definePass, defineTarget, defineTask, leveled, Tensor, z } from 'pare'

export const passes = [
  definePass({
    id: 'round-to-step',
    title: 'Round weights to a step',
    family: 'sharing',
    role: 'stores',
    summary: 'Rounds every weight to a multiple of a step, so that the file compresses better.',
    sources: ['an example'],
    params: z.object({
      step: z
        .number()
        .min(1e-6)
        .max(1)
        .default(0.01)
        .meta({
          label: 'Step',
          help: 'Weights become multiples of it.',
          search: [0.01, 0.02],
        }),
    }),
    async run(model, { step }) {
      const rounded = model.clone()
      let changed = 0
      for (const [name, tensor] of rounded.graph.initializers) {
        if (tensor.dtype !== 'float32' || tensor.dims.length < 2) continue
        const values = tensor.floats().map((value) => Math.round(value / step) * step)
        rounded.graph.initializers.set(name, Tensor.float32(tensor.dims, values))
        changed++
      }
      return { model: rounded, summary: `${changed} tensors are multiples of ${step} now.` }
    },
  }),
]

export const targets = [
  defineTarget({
    id: 'my-board',
    title: 'My board',
    detail: 'a board with ONNX Runtime on its CPU',
    runtime: 'ONNX Runtime on the CPU',
    int8: { weightBits: 8 },
    keepsPacked: true,
    forms: ['onnx'],
    optimization: 'extended',
    sources: ['an example'],
  }),
]

// 16 levels from −1 to 1, finer towards zero: the squares of even steps.
const steps = Array.from({ length: 16 }, (_, i) => (i - 7) / (i < 7 ? 7 : 8))
const squares = leveled(
  'squares',
  Float32Array.from(steps, (step) => step * Math.abs(step)),
)

export const encodings = [
  defineEncoding({
    id: 'squares',
    title: 'Squares',
    summary: 'Four-bit codes of levels that lie finer towards zero, times the largest magnitude of a block.',
    sources: ['an example'],
    method: { words: 'has 16 levels that are squares', bits: 4, quantize: squares.quantize },
    weights: squares.plain,
  }),
]

export const tasks = [
  defineTask({
    id: 'within-a-tenth',
    metric: 'withinATenth',
    // Of one sample: the share of its numbers that are off by less than a tenth.
    score({ data: answers }, { data: labels }) {
      const near = labels.filter((label, i) => Math.abs(answers[i] - label) < 0.1)
      return near.length / labels.length
    },
  }),
]
