/**
 * Integer layers as calls of CMSIS-NN's kernels, where those fit: codes are signed there and lie channel by channel of one
 * place (NHWC), so values are turned on the way in and out. Weights that flash holds in fewer bytes than one each stay with
 * Pare's own loops, which decode them. Source: Arm, CMSIS-NN 7 (arm_nnfunctions.h).
 */
import { Node, sizeOf, Tensor, type AttributeInput } from '../../onnx'
import { windowOf } from './operators/window'
import type { Program } from './program'
import type { StaticGraph } from './static-graph'
import { isPlainCode } from './weights'

const OWN = 'pare'

/** How codes lie: by place and channel, or in the order of the model. */
type Order = 'places' | 'rows'

const isBytes = (dtype: string | undefined): boolean => dtype === 'int8' || dtype === 'uint8'

/** [batch, height, width, channels] of [batch, channels, …]. */
const byPlaces = ([n, c, ...spatial]: readonly number[]): number[] => [
  n!,
  spatial.length > 1 ? spatial[0]! : 1,
  spatial.at(-1)!,
  c!,
]

const pair = (list: readonly number[], filler: number): number[] =>
  list.length > 1 ? [...list] : [filler, ...list]

class Turning {
  readonly nodes: Node[] = []
  readonly constants: Map<string, Tensor>
  readonly values: Map<string, { dtype: StaticGraph['inputs'][number]['dtype']; dims: readonly number[] }>
  private readonly inside = new Set<string>()

  constructor(private readonly graph: StaticGraph) {
    this.constants = new Map(graph.constants)
    this.values = new Map(graph.values)
    for (const input of graph.inputs) this.values.set(input.name, input)
  }

  whole(): StaticGraph {
    for (const node of this.graph.nodes)
      if (!this.convolution(node) && !this.product(node) && !this.pool(node)) this.nodes.push(node)
    const wanted = new Set(this.graph.outputs.map(({ name }) => name))
    const nodes = this.nodes
      .reverse()
      .filter((node) => {
        const isWanted = node.outputs.some((output) => wanted.has(output))
        if (isWanted) for (const input of node.inputs) wanted.add(input)
        return isWanted
      })
      .reverse()
    return { ...this.graph, nodes, constants: this.constants, values: this.values }
  }

  /** Signed as they are, in an order that is the same. */
  private isSigned(name: string, order: Order): boolean {
    const { dtype, dims } = this.values.get(name)!
    return dtype === 'int8' && (order === 'rows' || dims[1] === 1 || sizeOf(dims.slice(2)) === 1)
  }

  private key(name: string, order: Order): string {
    return `${name} in ${order}`
  }

  private zero(name: string): number {
    return this.values.get(name)!.dtype === 'uint8' ? 128 : 0
  }

  /** The signed codes of a value, turned where they are not yet. */
  private signed(name: string, order: Order): string {
    if (this.isSigned(name, order)) return name
    return this.inside.has(this.key(name, order)) ? this.key(name, order) : this.turn('Signed', name, order)
  }

  private turn(opType: 'Signed' | 'Plain', name: string, order: Order): string {
    const { dims } = this.values.get(name)!
    const turned = this.key(name, order)
    if (opType === 'Signed') this.enter(name, order)
    const [places, channels] = order === 'places' ? [sizeOf(dims.slice(2)), dims[1]!] : [1, sizeOf(dims)]
    const [from, to] = opType === 'Signed' ? [name, turned] : [turned, name]
    this.add(opType, name, [from], to, {
      places: { int: places },
      channels: { int: channels },
      zero: { int: this.zero(name) },
    })
    return to
  }

  /** The signed form of a value is there from now on. */
  private enter(name: string, order: Order): string {
    const { dims } = this.values.get(name)!
    const turned = this.key(name, order)
    this.values.set(turned, { dtype: 'int8', dims: order === 'places' ? byPlaces(dims) : dims })
    this.inside.add(turned)
    return turned
  }

  private add(
    opType: string,
    label: string,
    inputs: string[],
    output: string,
    attributes: Record<string, AttributeInput>,
  ): void {
    this.nodes.push(new Node({ domain: OWN, opType, name: label, inputs, outputs: [output], attributes }))
  }

  /** A kernel of CMSIS-NN between signed codes. */
  private call(
    kernel: string,
    node: Node,
    order: Order,
    operands: readonly string[],
    attributes: Record<string, AttributeInput>,
  ): true {
    const [x, y] = [node.inputs[0]!, node.outputs[0]!]
    const input = this.signed(x, order)
    const isSigned = this.isSigned(y, order)
    this.add(kernel, node.label, [input, ...operands], isSigned ? y : this.enter(y, order), attributes)
    if (!isSigned) this.turn('Plain', y, order)
    return true
  }

  /** What all layers have: zero points and limits as signed codes, a multiplier an output. */
  private scales(node: Node, outputs: number): Record<string, AttributeInput> {
    const [x, y] = [this.zero(node.inputs[0]!), this.zero(node.outputs[0]!)]
    const multipliers = node.floats('multipliers')!
    return {
      xZero: { int: node.int('xZero', 0) - x },
      ...Object.fromEntries(['yZero', 'low', 'high'].map((name) => [name, { int: node.int(name, 0) - y }])),
      multipliers: {
        floats: Array.from({ length: outputs }, (_, o) => multipliers[multipliers.length > 1 ? o : 0]!),
      },
    }
  }

  private constant(name: string, tensor: Tensor): string {
    this.constants.set(name, tensor)
    return name
  }

  private between(node: Node): boolean {
    return [node.inputs[0]!, node.outputs[0]!].every((name) => isBytes(this.values.get(name)?.dtype))
  }

  private geometry(node: Node, kernel: readonly number[]): Record<string, AttributeInput> {
    const [x, y] = [node.inputs[0]!, node.outputs[0]!].map((name) => this.values.get(name)!.dims.slice(2))
    const { strides, dilations, before } = windowOf(node, x!, y!, kernel)
    return {
      kernel: { ints: pair(kernel, 1) },
      strides: { ints: pair(strides, 1) },
      dilations: { ints: pair(dilations, 1) },
      before: { ints: pair(before, 0) },
    }
  }

  private convolution(node: Node): boolean {
    const weight =
      node.domain === OWN && node.opType === 'Conv' ? this.constants.get(node.inputs[1]!) : undefined
    if (!weight || !this.between(node) || !isPlainCode(weight.values() as Int8Array)) return false
    const [outputs, channels, ...kernel] = weight.dims as [number, number, ...number[]]
    const group = node.int('group', 1)
    const isDepthwise = group > 1 && channels === 1
    const { dims } = this.values.get(node.inputs[0]!)!
    if ((group > 1 && !isDepthwise) || kernel.length > 2 || dims[0] !== 1) return false
    const taps = sizeOf(kernel)
    const codes = weight.values() as Int8Array
    const turned = new Int8Array(codes.length)
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < channels; c++)
        for (let k = 0; k < taps; k++)
          turned[isDepthwise ? k * outputs + o : (o * taps + k) * channels + c] =
            codes[(o * channels + c) * taps + k]!
    const name = this.constant(
      `${node.inputs[1]} by places`,
      Tensor.fromBytes('int8', [codes.length], new Uint8Array(turned.buffer)),
    )
    return this.call(isDepthwise ? 'CmsisDepthwise' : 'CmsisConv', node, 'places', [name, node.inputs[2]!], {
      ...this.geometry(node, kernel),
      ...this.scales(node, outputs),
    })
  }

  private product(node: Node): boolean {
    const weight =
      node.domain === OWN && node.opType === 'Product' ? this.constants.get(node.inputs[1]!) : undefined
    if (!weight || !this.between(node) || !isPlainCode(weight.values() as Int8Array)) return false
    return this.call('CmsisProduct', node, 'rows', node.inputs.slice(1), this.scales(node, weight.dims[0]!))
  }

  /** A pool of codes that lie by places already. */
  private pool(node: Node): boolean {
    const isPool =
      node.domain === '' && node.opType === 'MaxPool' && node.outputs.filter(Boolean).length === 1
    const kernel = isPool ? node.ints('kernel_shape')! : []
    const isTurned = this.inside.has(this.key(node.inputs[0]!, 'places'))
    if (!isPool || !isTurned || kernel.length > 2 || !this.between(node)) return false
    const isDilated = node.ints('dilations')?.some((one) => one > 1)
    return !isDilated && this.call('CmsisPool', node, 'places', [], this.geometry(node, kernel))
  }
}

/** Has its kernels round once, as the plain form does. */
export const SINGLE_ROUNDING = 'CMSIS_NN_USE_SINGLE_ROUNDING'

export const callsCmsis = ({ program }: { program: Program }): boolean =>
  program.steps.some(({ op }) => op.startsWith('arm_'))

export const forCmsis = (graph: StaticGraph): StaticGraph => new Turning(graph).whole()
