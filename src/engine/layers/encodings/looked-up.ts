/** Embeddings that unpack only the rows they look up: [ids…] → [ids…, width]. Source: ONNX Gather. */
import { blocksOf } from '../../math/quantize/grouped'
import { codeOf } from '../../onnx'
import type { Layer } from '../layer'
import type { LookupChain } from './recognized'
import type { CodeStore, StoredCodes } from './store'

/** What the steps below put behind a lookup. */
export const ROW_STEPS: LookupChain = {
  toScale: ['Cast', 'Gather', 'Reshape', 'Slice', 'Mul', 'Add', 'Sub'],
  toValues: ['Reshape', 'Slice', 'Cast'],
}

/** The rows of one lookup, step by step. */
export class LookedUpRows {
  readonly name: string
  private readonly ids: string
  private readonly idShape: string

  constructor(
    readonly store: CodeStore,
    private readonly layer: Layer,
    private readonly stored: StoredCodes,
  ) {
    this.name = layer.name
    this.ids = layer.input
    this.idShape = store.op('Shape', [this.ids], `${this.name}_ids`)
  }

  /** Rows of a table [words, …]. */
  rowsOf(table: string, part: string): string {
    return this.store.op('Gather', [table, this.ids], `${this.name}_${part}`, { axis: { int: 0 } })
  }

  /** The dims of the ids, then `tail`. */
  shaped(value: string, ...tail: number[]): string {
    const { store, name } = this
    const shape = store.op('Concat', [this.idShape, store.ints(tail)], `${name}_shape`, { axis: { int: 0 } })
    return store.op('Reshape', [value, shape], `${name}_block`)
  }

  /** Codes as floats [ids…, blocks, padded]. */
  codes(): string {
    const { store, stored, name } = this
    return store.joined(stored, name, (plane) =>
      this.shaped(
        store.unpack(this.rowsOf(plane.name, 'bytes'), plane.bits, name),
        blocksOf(stored),
        stored.padded,
      ),
    )
  }

  /** Ends the lookup: values [ids…, blocks, padded] take the layer's place. */
  finish(values: string): void {
    const { store, stored, layer, name } = this
    let value = this.shaped(values, -1)
    if (blocksOf(stored) * stored.padded !== stored.cols)
      value = store.cut(value, stored.cols, -1, `${name}_cut`)
    store.graph.removeNode(layer.node)
    store.graph.addNode({
      opType: 'Cast',
      name: store.graph.freshName(`${name}_cast`),
      inputs: [value],
      outputs: [name],
      attributes: { to: { int: codeOf(layer.tensor.dtype) } },
    })
  }
}
