/** The registry of encodings: one line each, and of those that can hold the same codes the preferred one first. */
import type { Graph, Node, Tensor } from '../../onnx'
import type { Layer } from '../layer'
import { affineBlocks } from './affine-blocks'
import { codebook } from './codebook'
import { dequantizeLinear } from './dequantize-linear'
import { digitCodes } from './digit-table'
import type { CodeOperator, Encoding, WeightForm } from './encoding'
import type { CodedLookup, LookupView } from './recognized'
import type { WeightCodes } from './values'
import { storedHalf } from './float16-stored'
import { gapCodes } from './gap-codes'
import { integerWeights } from './integer-weights'
import { integerRows } from './integer-rows'
import { integerOperators } from './integer-operators'
import { matMulNBits } from './matmul-nbits'
import { nf4 } from './nf4'
import { valueTable } from './value-table'

const encodings: Encoding[] = [
  matMulNBits,
  dequantizeLinear,
  integerWeights,
  affineBlocks,
  codebook,
  nf4,
  integerOperators,
  integerRows,
  valueTable,
  digitCodes,
  gapCodes,
  storedHalf,
]

export const ENCODINGS: readonly Encoding[] = encodings

/** An encoding of a plug-in, of an id, a method and operators that there are none of yet. */
export function addEncoding(encoding: Encoding): void {
  encodings.push(encoding)
  listOperators(encoding)
}

const forms = (): WeightForm[] => encodings.flatMap(({ weights = [] }) => weights)

/** What people may ask for; 'auto' packs where the runtime that a model is made for reads packed weights. */
export const storages = (): string[] => ['auto', ...new Set(forms().map(({ storage }) => storage))]

/**
 * How a layer's codes are written. There is always one: plain operators restore everything. `keepsPacked`: operators of
 * com.microsoft run, and keep packed in memory what they read packed. `tied`: a table holds the same weight.
 */
export function formFor(
  layer: Layer,
  codes: WeightCodes,
  storage: string,
  keepsPacked: boolean,
  tied = false,
): WeightForm {
  const wanted = (form: WeightForm): boolean =>
    storage === 'auto' ? (form.packed ?? false) && keepsPacked : form.storage === storage
  // Codes are restored in the main graph; operators that read them packed would have to lie in the body.
  const fitting = forms().filter(
    (form) => form.fits(layer, codes) && !(layer.within && form.packed) && !(tied && form.own),
  )
  return fitting.find(wanted) ?? fitting.find((form) => form.storage === 'plain')!
}

const operatorsByName = new Map<string, CodeOperator>()

function listOperators({ operators = [] }: Encoding): void {
  for (const operator of operators) operatorsByName.set(`${operator.domain ?? ''}:${operator.op}`, operator)
}
encodings.forEach(listOperators)

/** How a node reads codes; undefined for operators on floats. */
export const codeOperator = (node: Node): CodeOperator | undefined =>
  operatorsByName.get(`${node.domain}:${node.opType}`)

/** A QuantizeLinear, whoever wrote it; nothing for what nothing makes or reads. */
export const quantizes = (node: Node | undefined): boolean => pairOf(node) === 'quantizes'

/** A DequantizeLinear. */
export const restores = (node: Node | undefined): boolean => pairOf(node) === 'restores'

const pairOf = (node: Node | undefined): CodeOperator['pair'] => node && codeOperator(node)?.pair

/** What a node looks up, where the rows are codes of one of the encodings. */
export function codedLookup(view: LookupView, node: Node): CodedLookup | undefined {
  for (const { recognize } of ENCODINGS) {
    const found = recognize?.(view, node)
    if (found) return found
  }
  return undefined
}

/** A node of a model that is quantized already, wholly or in part. */
export const isQuantized = (node: Node): boolean =>
  codeOperator(node) !== undefined || node.opType.startsWith('QLinear')

export const countQuantized = (graph: Graph): number => graph.nodes.filter(isQuantized).length

/** Ways of choosing codes that belong to one encoding, by its id. */
export const ownMethods = () =>
  new Map(encodings.flatMap(({ id, method }) => (method ? [[id, method] as const] : [])))

/** Every way to store a float tensor smaller in a model of an operator set, exactly or not. */
export const tensorForms = (tensor: Tensor, opset: number, exactOnly: boolean) =>
  ENCODINGS.flatMap(({ title, tensors }) => {
    if (!tensors || opset < tensors.opset || (exactOnly && !tensors.exact)) return []
    const stored = tensors.store(tensor)
    return stored ? [{ title, stored }] : []
  })
