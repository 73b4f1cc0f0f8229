/** Whether a model suits where it shall run. Source: ONNX Runtime's Versioning.md; the target's own. */
import type { TargetCheck } from '../../contract/project'
import type { Model, Node } from '../onnx'
import { coverage } from '../targets/coverage'
import type { Target, Traced } from '../targets/target'

/** First version of ONNX Runtime that takes an opset. */
const RUNTIMES: readonly [opset: number, version: string][] = [
  [15, '1.10'],
  [17, '1.13'],
  [18, '1.14'],
  [19, '1.15'],
  [20, '1.17'],
  [21, '1.18'],
]

/** The lowest opset in which an operator takes what the models here use of it. */
const FLOORS: readonly {
  op: string
  needs: (node: Node, traced: Traced) => boolean
  opset: number
  why: string
}[] = [
  { op: 'DequantizeLinear', needs: () => true, opset: 10, why: 'quantized tensors' },
  {
    op: 'DequantizeLinear',
    needs: (node, traced) => (traced.get(node.inputs[1]!)?.dims.length ?? 0) > 0,
    opset: 13,
    why: 'one scale a channel',
  },
  {
    op: 'DequantizeLinear',
    needs: (node, traced) => /^u?int4$/.test(traced.get(node.inputs[0]!)?.dtype ?? ''),
    opset: 21,
    why: '4-bit weights',
  },
  {
    op: 'DequantizeLinear',
    needs: (node, traced) => /^u?int2$/.test(traced.get(node.inputs[0]!)?.dtype ?? ''),
    opset: 25,
    why: '2-bit weights',
  },
]

/** Looks at a model for a target. `traced` are its shapes at one sample. */
export function checkTarget(model: Model, target: Target, traced: Traced): TargetCheck[] {
  return [
    runtimeVersion(model),
    ...opsetFloors(model, traced),
    ...foreignOperators(model),
    ...freeShapes(model, target),
    ...(target.provider ? [coverage(model, target.provider, traced)] : []),
    ...leftIntegers(model, target),
    ...target.checks.flatMap((check) => check(model, traced)),
  ]
}

const good = (message: string): TargetCheck => ({ ok: true, severity: 'info', message })
const warning = (message: string): TargetCheck => ({ ok: false, severity: 'warning', message })

function runtimeVersion(model: Model): TargetCheck {
  const found = RUNTIMES.find(([opset]) => model.opset <= opset)
  return found
    ? good(`Opset ${model.opset}: runs from ONNX Runtime ${found[1]} on.`)
    : good(
        `Opset ${model.opset} is newer than 21: use the ONNX Runtime of this bundle’s golden outputs (1.30) or later.`,
      )
}

function opsetFloors(model: Model, traced: Traced): TargetCheck[] {
  const missing = FLOORS.filter(
    ({ op, needs, opset }) =>
      model.opset < opset && model.graph.nodes.some((node) => node.is(op) && needs(node, traced)),
  )
  return missing.map(({ opset, why }): TargetCheck => ({
    ok: false,
    severity: 'error',
    message: `${why} need opset ${opset} and the model declares ${model.opset}. Raise the opset of the original and compress again.`,
  }))
}

const KNOWN_DOMAINS = new Set(['', 'ai.onnx.ml', 'com.microsoft'])

function foreignOperators(model: Model): TargetCheck[] {
  const domains = new Set<string>()
  for (const graph of model.graphs()) for (const node of graph.nodes) domains.add(node.domain)
  for (const { domain } of model.functions) domains.delete(domain)
  const foreign = [...domains].filter((domain) => !KNOWN_DOMAINS.has(domain))
  return foreign.length === 0
    ? []
    : [warning(`Operators of ${foreign.join(', ')} need their own library registered on the device.`)]
}

function freeShapes({ graph }: Model, { fixedShapes, provider }: Target): TargetCheck[] {
  if (!fixedShapes) return []
  const free = graph.requiredInputs.filter(({ dims }) => dims?.some((dim) => typeof dim !== 'number'))
  if (free.length === 0) return [good('All input shapes are fixed.')]
  const names = free.map(({ name, dims }) => `${name} [${dims!.map((dim) => dim ?? '?').join(', ')}]`)
  return [
    {
      ...warning(
        `${provider?.name ?? 'This target'} wants fixed shapes, and these inputs have free ones: ${names.join('; ')}. The step ` +
          'fix-shapes gives them numbers.',
      ),
      pass: 'fix-shapes',
    },
  ]
}

function leftIntegers({ graph }: Model, { int8: { leaves } }: Target): TargetCheck[] {
  return leaves && graph.nodes.some(leaves.nodes) ? [warning(leaves.message)] : []
}
