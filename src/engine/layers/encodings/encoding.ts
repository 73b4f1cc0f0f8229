/**
 * What an encoding of weights is: how codes lie in a file, and which operators read them. Each is declared once, in
 * a file of its own; quantizers, packing, counting, energy and checks ask the registry.
 */
import type { GroupShape } from '../../math/quantize/grouped'
import type { DType, Graph, Node, Tensor } from '../../onnx'
import type { Layer } from '../layer'
import type { CodedLookup, LookupView } from './recognized'
import type { CodeStore } from './store'
import type { WeightCodes } from './values'

/** How quantizers write a layer's codes. */
export interface WeightForm {
  /** What people ask for by name; several encodings may share one. */
  readonly storage: string
  /** Whether this layer can read these codes so. */
  fits(layer: Layer, codes: WeightCodes): boolean
  /** Operators of com.microsoft read it. */
  readonly packed?: boolean
  /** The codes lie as this layer reads them: a table with the same weight could not look rows up in them. */
  readonly own?: boolean
  /** The operator set it needs. */
  opset?(codes: WeightCodes): number
  /** Bytes of codes, scales and zero points in the file. */
  bytes(codes: WeightCodes): number
  /** Adds constants and operators and makes the layer read them, from `input` in place of its own input. */
  write(store: CodeStore, layer: Layer, codes: WeightCodes, input: string): void
  /** As reports say it. */
  readonly words: string
}

/** Constants by role, and the plain operators that bring a tensor back from them when a model is loaded. */
export interface StoredTensor {
  constants: Record<string, Tensor>
  nodes(
    names: Record<string, string>,
    output: string,
    fresh: (base: string) => string,
  ): Parameters<Graph['addNode']>[0][]
}

/** How pack-weights stores a float tensor; exact, but for halves. */
export interface TensorForm {
  /** From this operator set on. */
  readonly opset: number
  readonly exact: boolean
  /** Undefined where the tensor cannot be stored so. */
  store(tensor: Tensor): StoredTensor | undefined
}

export type ArithmeticType = 'int8' | 'float16' | 'float32'

/** An operator whose inputs are codes, whoever wrote it. */
export interface CodeOperator {
  readonly op: string
  readonly domain?: string
  /** Inputs that hold codes of weights, where they are constant. */
  readonly codes: readonly number[]
  /** Inputs with scales, zero points and the like: they count as bytes of the weight, not as weights. */
  readonly settings: readonly number[]
  /** One of the pairs around integers: it makes codes of floats, or floats of codes. */
  readonly pair?: 'quantizes' | 'restores'
  /** The output that is the scale of what it makes codes of. */
  readonly givesScale?: number
  /** What it multiplies in, where that is not the type of its input. */
  arithmetic?(node: Node): ArithmeticType | undefined
  /** Bits of a code as they are read from memory while it runs, where packed. */
  bits?(node: Node): number
  /** Elements of the weight; those of the constant where absent. */
  elements?(node: Node, codes: { size: number; dtype: DType | undefined }): number
  /**
   * What the codes of an input stand for, a piece after the other in the order of the file; undefined where that cannot
   * be told. `constant` gives the inputs that are constants.
   */
  restore?(node: Node, slot: number, constant: ConstantInputs): Iterable<Float32Array> | undefined
  /** Inputs whose scale operators behind it multiply in: their codes are restored as whole numbers around zero. */
  readonly scaledBehind?: readonly number[]
}

export type ConstantInputs = (slot: number) => Tensor | undefined

/** A way of choosing codes that belongs to the encoding alone. */
export interface OwnMethod {
  /** Behind the encoding's id, as help says it. */
  readonly words: string
  /** Bits it always takes. */
  readonly bits: number
  /** Values [rows, cols] are finite. */
  quantize(values: Float32Array, shape: GroupShape): WeightCodes
}

export interface Encoding {
  readonly id: string
  readonly title: string
  readonly summary: string
  readonly sources: readonly string[]
  /** How quantizers write it: of those that fit a layer the preferred one first. */
  readonly weights?: readonly WeightForm[]
  readonly tensors?: TensorForm
  readonly operators?: readonly CodeOperator[]
  /** Rows looked up in codes that it wrote, by the node that looks them up. */
  recognize?(view: LookupView, node: Node): CodedLookup | undefined
  readonly method?: OwnMethod
}

export const defineEncoding = (encoding: Encoding): Encoding => encoding
