/** Nodes that several encodings put between constants. */
import { codeOf, type DType, type NodeInit } from '../../onnx'

export const castTo = (dtype: DType, input: string, output: string): NodeInit => ({
  opType: 'Cast',
  inputs: [input],
  outputs: [output],
  attributes: { to: { int: codeOf(dtype) } },
})

export const node = (opType: string, inputs: string[], output: string): NodeInit => ({
  opType,
  inputs,
  outputs: [output],
})
