/** A graph of known shapes becomes a program: each node by the operator of its name. */
import type { DType, Node, Tensor } from '../../onnx'
import { joined, stepOf, type ElementOperator, type MapStep } from './map'
import { rootOf, type Buffer, type Program, type Step } from './program'
import type { StaticGraph } from './static-graph'
import { cType } from './types'
import { Unsupported } from './unsupported'

/** What an operator gets of its node. */
export interface Site {
  node: Node
  opset: number
  /** By slot; undefined where the node leaves one out. */
  inputs: readonly (Buffer | undefined)[]
  outputs: readonly (Buffer | undefined)[]
  /** The constant behind an input. */
  constant(slot: number): Tensor | undefined
  /** Its numbers; throws Unsupported where the input is no constant. Undefined where it is absent. */
  numbers(slot: number): number[] | undefined
  /** The buffer of an input that must be there. */
  input(slot: number): Buffer
  output(slot?: number): Buffer
  step(step: Omit<Step, 'title' | 'op'> & { op?: string }): void
  /** An element-wise operator: its output from loads; the last operator gives it. */
  map(loads: readonly Buffer[], operators: readonly ElementOperator[], out?: Buffer): void
  /** The output has the elements of `buffer` in the same order. */
  view(buffer: Buffer, slot?: number): void
  temporary(dtype: DType, dims: readonly number[]): Buffer
  fixed(name: string, dtype: DType, dims: readonly number[], data: ArrayLike<number | bigint>): Buffer
  /** The step that makes an input, where nothing else reads it and it may be changed. */
  sole(slot: number): Step | undefined
  fail(reason: string): never
}

export type Lower = (site: Site) => void

type Draft = Step | MapStep
const isMap = (draft: Draft): draft is MapStep => 'operators' in draft

/** Throws Unsupported with what the model has that C cannot be written for. */
export function lower(graph: StaticGraph, operators: ReadonlyMap<string, Lower>): Program {
  const missing = new Set(graph.nodes.map(keyOf).filter((key) => !operators.has(key)))
  if (missing.size > 0) throw new Unsupported(`there is no C for ${[...missing].sort().join(', ')}.`)
  return new Lowering(graph, operators).run()
}

const keyOf = ({ domain, opType }: Node): string => (domain === '' ? opType : `${domain}.${opType}`)

class Lowering {
  private readonly buffers = new Map<string, Buffer>()
  private readonly drafts: Draft[] = []
  private readonly uses = new Map<string, number>()

  constructor(
    private readonly graph: StaticGraph,
    private readonly operators: ReadonlyMap<string, Lower>,
  ) {
    const count = (name: string): void => void this.uses.set(name, (this.uses.get(name) ?? 0) + 1)
    for (const node of graph.nodes) for (const input of node.inputs) if (input) count(input)
    for (const { name } of graph.outputs) count(name)
  }

  run(): Program {
    const { graph } = this
    const states = new Map(graph.states)
    for (const { name, dtype, dims } of graph.inputs)
      this.buffers.set(name, { name, dtype, dims, place: states.has(name) ? 'state' : 'input' })
    const next = new Set(states.values())
    const outputs = graph.outputs.map(({ name, dtype, dims }) => {
      const buffer: Buffer = { name, dtype, dims, place: next.has(name) ? 'arena' : 'output' }
      if (!graph.constants.has(name) && !this.buffers.has(name)) this.buffers.set(name, buffer)
      return buffer
    })
    for (const node of graph.nodes) this.operators.get(keyOf(node))!(this.site(node))
    for (const output of outputs) {
      const made = this.buffer(output.name)
      if (made !== output) this.drafts.push(copyOf(made, output))
    }
    return {
      inputs: graph.inputs.filter(({ name }) => !states.has(name)).map(({ name }) => this.buffers.get(name)!),
      outputs: outputs.filter(({ place }) => place === 'output'),
      states: graph.states.map(([input, output]) => [
        this.buffers.get(input)!,
        outputs.find(({ name }) => name === output)!,
      ]),
      steps: this.finished(),
    }
  }

  private buffer(name: string): Buffer {
    const known = this.buffers.get(name)
    if (known) return known
    const { graph } = this
    const tensor = graph.constants.get(name)
    const traced = graph.values.get(name)
    if (!tensor && !traced) throw new Unsupported(`the shape of “${name}” is not known.`)
    const buffer: Buffer = tensor
      ? { name, dtype: tensor.dtype, dims: tensor.dims, place: 'constant', data: () => tensor.values() }
      : { name, dtype: traced!.dtype, dims: traced!.dims, place: 'arena' }
    if (!cType(buffer.dtype)) throw new Unsupported(`C99 has no type for ${buffer.dtype} (“${name}”).`)
    this.buffers.set(name, buffer)
    return buffer
  }

  private site(node: Node): Site {
    const { graph, drafts } = this
    const what = { title: `${node.label} (${node.opType})`, op: node.opType }
    const fail = (reason: string): never => {
      throw new Unsupported(`${node.opType} “${node.label}” ${reason}`)
    }
    const constant = (slot: number): Tensor | undefined => graph.constants.get(node.inputs[slot] ?? '')
    const named = (names: readonly string[]): (Buffer | undefined)[] =>
      names.map((name) => (name === '' ? undefined : this.buffer(name)))
    const inputs = named(node.inputs)
    const outputs = named(node.outputs)
    const required = (buffer: Buffer | undefined, slot: number): Buffer =>
      buffer ?? fail(`has no input or output ${slot}.`)
    const site: Site = {
      node,
      opset: graph.opset,
      inputs,
      outputs,
      constant,
      numbers(slot) {
        if (!node.inputs[slot]) return undefined
        return constant(slot)?.numbers() ?? fail(`wants its input “${node.inputs[slot]}” to be a constant.`)
      },
      input: (slot) => required(inputs[slot], slot),
      output: (slot = 0) => required(outputs[slot], slot),
      step: (step) => void drafts.push({ ...what, ...step }),
      map: (loads, operators, out = site.output()) => void drafts.push({ ...what, loads, operators, out }),
      view: (buffer, slot = 0) => {
        const output = site.output(slot)
        if (output.place === 'arena' && !graph.kept.has(output.name)) output.of = buffer
        else drafts.push(copyOf(buffer, output))
      },
      temporary: (dtype, dims) => ({ name: node.label, dtype, dims, place: 'arena' }),
      fixed: (name, dtype, dims, data) => ({ name, dtype, dims, place: 'constant', data: () => data }),
      sole: (slot) => {
        const name = node.inputs[slot]!
        const buffer = inputs[slot]
        const maker = drafts.at(-1)
        const fits =
          maker && !isMap(maker) && buffer && maker.writes.length === 1 && maker.writes[0] === buffer
        return fits && this.uses.get(name) === 1 ? maker : undefined
      },
      fail,
    }
    return site
  }

  /** Chains of element-wise operators joined where nothing else reads what lies between. */
  private finished(): Step[] {
    const drafts = [...this.drafts]
    const readers = new Map<Buffer, Draft[]>()
    for (const draft of drafts)
      for (const buffer of isMap(draft) ? draft.loads : draft.reads) {
        const root = rootOf(buffer)
        readers.set(root, [...(readers.get(root) ?? []), draft])
      }
    const replaced = new Map<Draft, Draft>()
    const current = (draft: Draft): Draft => {
      const next = replaced.get(draft)
      return next ? current(next) : draft
    }
    for (const draft of this.drafts) {
      if (!isMap(draft) || draft.out.place !== 'arena' || this.graph.kept.has(draft.out.name)) continue
      const all = readers.get(draft.out) ?? []
      const second = all.length === 1 ? current(all[0]!) : undefined
      const first = current(draft)
      if (!second || !isMap(second) || !isMap(first)) continue
      const whole = joined(first, second)
      if (!whole) continue
      replaced.set(first, whole)
      replaced.set(second, whole)
      drafts.splice(drafts.indexOf(second), 1, whole)
      drafts.splice(drafts.indexOf(first), 1)
    }
    return drafts.map((draft) => (isMap(draft) ? stepOf(draft) : draft))
  }
}

const copyOf = (from: Buffer, to: Buffer): MapStep => ({
  title: `copy of ${from.name}`,
  op: 'copy',
  loads: [{ ...to, of: from }],
  operators: [{ dtype: to.dtype, operands: [{ load: 0 }], expression: ([value]) => value! }],
  out: to,
})
