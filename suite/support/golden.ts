/** Models with inputs and outputs that are known to belong together, as ONNX's backend tests have them. */
import fs from 'node:fs'
import { unzipSync } from 'fflate'
import { BufferSource } from '../../src/engine/onnx/source'
import { parseTensor } from '../../src/engine/onnx/read-tensor'
import { WireReader } from '../../src/engine/onnx/wire'
import { decodeModel, type Model, type Tensor, type ValueInfo } from '../../src/engine/onnx'
import { fromTensor, type Values } from '../../src/engine/runtime/value'

interface Golden {
  model: Uint8Array
  /** Inputs and outputs by name; absent where some are no tensors. */
  inputs?: ReadonlyMap<string, Tensor>
  outputs?: ReadonlyMap<string, Tensor>
}

export const valuesOf = (tensors: ReadonlyMap<string, Tensor>): Values =>
  Object.fromEntries([...tensors].map(([name, tensor]) => [name, fromTensor(tensor)]))

export class GoldenArchive {
  private readonly files: Record<string, Uint8Array>

  constructor(archive: string) {
    this.files = unzipSync(fs.readFileSync(archive))
  }

  /** Folders of the models, without the file's name. */
  get names(): string[] {
    return Object.keys(this.files)
      .filter((name) => name.endsWith('/model.onnx'))
      .map((name) => name.slice(0, -'/model.onnx'.length))
      .sort()
  }

  read(name: string): Golden {
    const model = this.files[`${name}/model.onnx`]!
    const { graph } = decodeModel(model)
    const inputs = this.tensors(`${name}/test_data_set_0/input`, graph.inputs)
    return {
      model,
      ...(inputs && graph.requiredInputs.every((info) => inputs.has(info.name)) && { inputs }),
      outputs: this.tensors(`${name}/test_data_set_0/output`, graph.outputs),
    }
  }

  private tensors(prefix: string, ports: readonly ValueInfo[]): Map<string, Tensor> | undefined {
    const tensors = new Map<string, Tensor>()
    for (const [i, port] of ports.entries()) {
      const bytes = this.files[`${prefix}_${i}.pb`]
      if (!bytes) break
      if (!port.dtype) return undefined
      const around = { file: `${prefix}_${i}.pb`, folder: undefined, external: new Map(), depth: 0 }
      tensors.set(port.name, parseTensor(new WireReader(new BufferSource(bytes, prefix)), around).tensor)
    }
    return tensors
  }
}

/** The model with all inputs but the first turned into constants; undefined where there is but one. */
export function withWeights(model: Model, inputs: ReadonlyMap<string, Tensor>): Model | undefined {
  const [, ...rest] = model.graph.requiredInputs
  if (rest.length === 0) return undefined
  const weighted = model.clone()
  for (const { name } of rest) weighted.graph.initializers.set(name, inputs.get(name)!)
  const constant = new Set(rest.map(({ name }) => name))
  weighted.graph.inputs = weighted.graph.inputs.filter(({ name }) => !constant.has(name))
  return weighted
}
