/** All gradient rules by operator. */
import type { Node } from '../../onnx'
import { activation } from './activation'
import { convolution } from './convolution'
import { elementwise } from './elementwise'
import { layout } from './layout'
import { products } from './matmul'
import { normalization } from './normalization'
import { pooling } from './pooling'
import { quantization } from './quantize'
import { reductions } from './reduce'
import { resizing } from './resize'
import { operatorKey, type Rule, type Rules } from './rule'
import { softmax } from './softmax'

const RULES: Rules = {
  ...elementwise,
  ...activation,
  ...softmax,
  ...products,
  ...normalization,
  ...convolution,
  ...pooling,
  ...reductions,
  ...layout,
  ...resizing,
  ...quantization,
}

export const ruleFor = (node: Node): Rule | undefined => RULES[operatorKey(node)]

export const differentiableOperators = (): string[] => Object.keys(RULES).sort()

export { Tape, type Traced } from './tape'
