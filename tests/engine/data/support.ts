/** Small models that only declare, and files as other programs write them. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import sharp from 'sharp'
import { onTestFinished } from 'vitest'
import { Graph, Model, type Dim, type DType } from '../../../src/engine/onnx'

export const fixture = (name: string): string =>
  path.resolve(import.meta.dirname, '../../fixtures/data', name)

export const fixtureJson = (name: string): unknown => JSON.parse(fs.readFileSync(fixture(name), 'utf8'))

export { npy, npz, tokenizerJson, wav } from './files'

type Declared = readonly [name: string, dims: readonly Dim[], dtype?: DType]

/** A model that only says what goes in and out: enough to open a dataset for it. */
export function declares(inputs: readonly Declared[], outputs: readonly Declared[]): Model {
  const model = new Model()
  model.graph = new Graph()
  const info = ([name, dims, dtype = 'float32']: Declared) => ({ name, dims, dtype })
  model.graph.inputs = inputs.map(info)
  model.graph.outputs = outputs.map(info)
  return model
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-test-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files by relative name; folders are made. */
export function write(root: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, content)
  }
  return root
}

export const png = (width: number, height: number, pixels: Uint8Array): Promise<Buffer> =>
  sharp(pixels, { raw: { width, height, channels: (pixels.length / width / height) as 1 | 3 } })
    .png()
    .toBuffer()
