/** One tiny model and dataset of every kind, written to a folder; each model answers its data rightly by design. */
import fs from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { Graph, Model, Tensor, writeModel, type Dim, type DType } from '../../src/engine/onnx'
import { npy, npz, tokenizerJson, wav } from '../engine/data/files'

const SHARED = path.resolve(import.meta.dirname, '../fixtures/data')

type Declared = readonly [name: string, dims: readonly Dim[], dtype?: DType]

const floats = (dims: readonly number[], values: readonly number[]): Tensor =>
  Tensor.fromBytes('float32', dims, new Uint8Array(Float32Array.from(values).buffer))

function modelOf(
  inputs: readonly Declared[],
  outputs: readonly Declared[],
  fill: (graph: Graph) => void,
): Model {
  const model = new Model()
  model.graph = new Graph()
  model.importOpset('', 17)
  const info = ([name, dims, dtype = 'float32']: Declared) => ({ name, dims, dtype })
  model.graph.inputs = inputs.map(info)
  model.graph.outputs = outputs.map(info)
  fill(model.graph)
  return model
}

/** scores = x · w for weights of one row per feature. */
const linear = (weights: readonly (readonly number[])[]): Model => {
  const [features, classes] = [weights.length, weights[0]!.length]
  return modelOf([['features', ['N', features]]], [['scores', ['N', classes]]], (graph) => {
    const w = graph.addInitializer('w', floats([features, classes], weights.flat()))
    graph.addNode({ opType: 'MatMul', inputs: ['features', w], outputs: ['scores'] })
  })
}

const rows = (count: number): { x: number[]; label: string }[] =>
  Array.from({ length: count }, (_, i) => {
    const x = [Math.sin(i + 1), Math.cos(3 * i), Math.sin(7 * i), i % 5]
    return { x, label: x[0]! > 0 ? 'up' : 'down' }
  })

const WORDS = ['good', 'bad', 'film', 'was', 'very']
/** One of them is none of the words. */
const FILLERS = ['film', 'was', 'very', 'the']

/** Embeds each token by one number, good +1 and bad −1, and sums. */
const reader = (): Model =>
  modelOf([['input_ids', ['N', 'T'], 'int64']], [['scores', ['N', 2]]], (graph) => {
    const table = graph.addInitializer(
      'table',
      floats([10, 2], [...Array<number>(8).fill(0), -1, 1, 1, -1, ...Array<number>(8).fill(0)]),
    )
    graph.addNode({ opType: 'Gather', inputs: [table, 'input_ids'], outputs: ['embedded'] })
    graph.addNode({
      opType: 'ReduceMean',
      inputs: ['embedded'],
      outputs: ['scores'],
      attributes: { axes: { ints: [1] }, keepdims: { int: 0 } },
    })
  })

/** The energy of a sound against a threshold. */
const listener = (): Model =>
  modelOf([['wave', ['N', 800]]], [['scores', ['N', 2]]], (graph) => {
    graph.addNode({ opType: 'Mul', inputs: ['wave', 'wave'], outputs: ['power'] })
    graph.addNode({
      opType: 'ReduceMean',
      inputs: ['power'],
      outputs: ['energy'],
      attributes: { axes: { ints: [1] }, keepdims: { int: 1 } },
    })
    const w = graph.addInitializer('w', floats([1, 2], [1, -1]))
    const b = graph.addInitializer('b', floats([2], [-0.05, 0.05]))
    graph.addNode({ opType: 'Gemm', inputs: ['energy', w, b], outputs: ['scores'] })
  })

const twoInputs = (): Model =>
  modelOf(
    [
      ['left', ['N', 3]],
      ['right', ['N', 2]],
    ],
    [['scores', ['N', 2]]],
    (graph) => {
      graph.addNode({
        opType: 'Concat',
        inputs: ['left', 'right'],
        outputs: ['both'],
        attributes: { axis: { int: 1 } },
      })
      const w = graph.addInitializer('w', floats([5, 2], [-1, 1, 0, 0, 0, 0, -1, 1, 0, 0]))
      graph.addNode({ opType: 'MatMul', inputs: ['both', w], outputs: ['scores'] })
    },
  )

const SIDE = 24

/** Blurs a grey picture, so that its answer is a picture of the same size. */
const blurring = (): Model => {
  const dims = ['N', 1, SIDE, SIDE] as const
  return modelOf([['image', dims]], [['blurred', dims]], (graph) => {
    const kernel = Array.from({ length: 9 }, (_, at) => (at === 4 ? 0.2 : 0.1))
    const w = graph.addInitializer('w', floats([1, 1, 3, 3], kernel))
    graph.addNode({
      opType: 'Conv',
      inputs: ['image', w],
      outputs: ['blurred'],
      attributes: { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } },
    })
  })
}

/** The third column of the shared Parquet file is the class c of its row: 2·c·x − c² is largest there. */
const nearest = (): Model =>
  linear([0, 1, 2, 3, 4, 5].map((f) => [0, 1, 2, 3].map((c) => (f === 2 ? 2 * c : f === 5 ? -c * c : 0))))

const COUNT = 60

/** Writes the data of one kind and gives what a person would drop. */
const WRITERS = {
  csv(folder: string) {
    const file = path.join(folder, 'readings.csv')
    const lines = rows(COUNT).map(({ x, label }) => [...x.map((v) => v.toFixed(4)), label].join(','))
    fs.writeFileSync(file, ['temperature,pressure,flow,hour,label', ...lines].join('\n'))
    return {
      model: linear([
        [-1, 1],
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
      data: [file],
    }
  },
  parquet() {
    return { model: nearest(), data: [path.join(SHARED, 'conforming_columns.parquet')] }
  },
  text(folder: string) {
    // No text comes twice: samples in two splits would need a look.
    const texts = Array.from({ length: COUNT }, (_, i) => ({
      text: [i % 2 ? 'good' : 'bad', ...[0, 2, 4].map((at) => FILLERS[(i >> (1 + at)) & 3])].join(' '),
      label: i % 2 ? 1 : 0,
    }))
    const file = path.join(folder, 'reviews.jsonl')
    fs.writeFileSync(file, texts.map((line) => JSON.stringify(line)).join('\n'))
    const tokenizer = path.join(folder, 'tokenizer.json')
    fs.writeFileSync(tokenizer, tokenizerJson(WORDS))
    return { model: reader(), data: [file, tokenizer] }
  },
  wav(folder: string) {
    const root = path.join(folder, 'sounds')
    for (let i = 0; i < 24; i++) {
      const name = i % 2 ? 'loud' : 'quiet'
      const sound = Array.from({ length: 800 }, (_, t) => (i % 2 ? 0.7 : 0.05) * Math.sin((t * (i + 5)) / 40))
      fs.mkdirSync(path.join(root, name), { recursive: true })
      fs.writeFileSync(path.join(root, name, `${i}.wav`), wav(sound))
    }
    return { model: listener(), data: [root] }
  },
  inputs(folder: string) {
    const all = Array.from({ length: COUNT }, (_, i) => [Math.sin(i + 1), 1, 2, Math.cos(5 * i), 3])
    const part = (from: number, to: number): Float32Array =>
      Float32Array.from(all.flatMap((row) => row.slice(from, to)))
    const labels = BigInt64Array.from(all, (row) => BigInt(row[0]! + row[3]! > 0 ? 1 : 0))
    const file = path.join(folder, 'pairs.npz')
    const arrays = {
      left: npy('<f4', [COUNT, 3], part(0, 3)),
      right: npy('<f4', [COUNT, 2], part(3, 5)),
      labels: npy('<i8', [COUNT], labels),
    }
    fs.writeFileSync(file, npz(arrays))
    return { model: twoInputs(), data: [file] }
  },
}

/** A model that answers with pictures, and pictures without labels. */
export async function writePictures(folder: string): Promise<string[]> {
  const model = path.join(folder, 'blur.onnx')
  writeModel(blurring(), model)
  const data = path.join(folder, 'pictures')
  fs.mkdirSync(data)
  for (let i = 0; i < 40; i++) {
    const pixels = Buffer.from(
      Array.from(
        { length: SIDE * SIDE },
        (_, at) => ((at % SIDE) * (i + 3) + Math.floor(at / SIDE) * 7) % 256,
      ),
    )
    const raw = { width: SIDE, height: SIDE, channels: 1 } as const
    await sharp(pixels, { raw })
      .png()
      .toFile(path.join(data, `${i}.png`))
  }
  return [model, data]
}

/** Bright squares on a grid as things: the brightness of each cell is its score, so that every box is found. */
export async function writeSquares(folder: string): Promise<string[]> {
  const [SIDE, CELL] = [64, 16]
  const cells = (SIDE / CELL) ** 2
  const places = Array.from({ length: cells }, (_, i) => [CELL * (i % 4), CELL * Math.floor(i / 4)] as const)
  const model = modelOf([['image', ['N', 3, SIDE, SIDE]]], [['output0', ['N', 5, cells]]], (graph) => {
    const w = graph.addInitializer(
      'w',
      floats([1, 3, CELL, CELL], Array<number>(3 * CELL * CELL).fill(1 / (3 * CELL * CELL))),
    )
    const middle = places.flatMap(([x, y]) => [x + CELL / 2, y + CELL / 2, CELL, CELL])
    const sides = [0, 1, 2, 3].flatMap((side) => places.map((_, i) => middle[4 * i + side]!))
    const boxes = graph.addInitializer('boxes', floats([1, 4, cells], sides))
    const shape = graph.addInitializer('shape', Tensor.int64([0, 1, cells]))
    graph.addNode({
      opType: 'Conv',
      inputs: ['image', w],
      outputs: ['bright'],
      attributes: { strides: { ints: [CELL, CELL] } },
    })
    graph.addNode({ opType: 'Reshape', inputs: ['bright', shape], outputs: ['scores'] })
    const none = graph.addInitializer('none', floats([1], [0]))
    graph.addNode({ opType: 'Mul', inputs: ['scores', none], outputs: ['nothing'] })
    graph.addNode({ opType: 'Add', inputs: ['nothing', boxes], outputs: ['placed'] })
    graph.addNode({
      opType: 'Concat',
      inputs: ['placed', 'scores'],
      outputs: ['output0'],
      attributes: { axis: { int: 1 } },
    })
  })
  const file = path.join(folder, 'squares.onnx')
  writeModel(model, file)
  const data = path.join(folder, 'squares')
  fs.mkdirSync(data)
  const images: object[] = []
  const annotations: object[] = []
  for (let i = 0; i < 40; i++) {
    const [x, y] = places[(7 * i) % cells]!
    const square = {
      create: {
        width: CELL,
        height: CELL,
        channels: 3 as const,
        background: `#ff${(i + 16).toString(16)}ff`,
      },
    }
    await sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: '#000000' } })
      .composite([{ input: await sharp(square).png().toBuffer(), left: x, top: y }])
      .png()
      .toFile(path.join(data, `${i}.png`))
    images.push({ id: i, file_name: `${i}.png` })
    annotations.push({ id: i, image_id: i, category_id: 1, bbox: [x, y, CELL, CELL], iscrowd: 0 })
  }
  const labels = { images, annotations, categories: [{ id: 1, name: 'square' }] }
  fs.writeFileSync(path.join(data, 'squares.json'), JSON.stringify(labels))
  return [file, data]
}

/** Lines whose columns are as bright as their character says, for a model that reads them: 2·c·x − c² is largest at c. */
export async function writeLines(folder: string): Promise<string[]> {
  const [WIDTH, HEIGHT, STEP, letters] = [64, 8, 4, 'abcde']
  const levels = Array.from({ length: letters.length + 1 }, (_, i) => i / letters.length)
  const model = modelOf(
    [['line', ['N', 1, HEIGHT, WIDTH]]],
    [['scores', ['N', levels.length, WIDTH]]],
    (graph) => {
      const [w, b] = [levels.map((c) => 2 * c), levels.map((c) => -c * c)]
      const mean = w.flatMap((weight) => Array<number>(HEIGHT).fill(weight / HEIGHT))
      const kernel = graph.addInitializer('w', floats([levels.length, 1, HEIGHT, 1], mean))
      const bias = graph.addInitializer('b', floats([levels.length], b))
      const shape = graph.addInitializer('shape', Tensor.int64([0, 0, WIDTH]))
      graph.addNode({ opType: 'Conv', inputs: ['line', kernel, bias], outputs: ['rows'] })
      graph.addNode({ opType: 'Reshape', inputs: ['rows', shape], outputs: ['scores'] })
    },
  )
  const file = path.join(folder, 'lines.onnx')
  writeModel(model, file)
  const data = path.join(folder, 'lines')
  fs.mkdirSync(data)
  const labels = ['file,text']
  for (let i = 0; i < 30; i++) {
    // No text comes twice: samples in two splits would need a look.
    const text = (37 * i + 650).toString(5).replace(/./g, (digit) => letters[Number(digit)]!)
    const pixels = Buffer.alloc(WIDTH * HEIGHT)
    for (const [at, letter] of [...text].entries())
      for (let y = 0; y < HEIGHT; y++)
        pixels.fill(
          51 * (letters.indexOf(letter) + 1),
          y * WIDTH + 2 * at * STEP,
          y * WIDTH + (2 * at + 1) * STEP,
        )
    const raw = { width: WIDTH, height: HEIGHT, channels: 1 } as const
    await sharp(pixels, { raw })
      .png()
      .toFile(path.join(data, `${i}.png`))
    labels.push(`${i}.png,${text}`)
  }
  fs.writeFileSync(path.join(data, 'labels.csv'), labels.join('\n'))
  fs.writeFileSync(path.join(data, 'characters.txt'), [...letters].join('\n'))
  return [file, data]
}

/** A model whose weights lie in a file beside it. */
export function writeLoose(folder: string): string[] {
  const weights = Array.from({ length: 64 }, (_, row) => [Math.sin(row), Math.cos(row), row / 64, 1])
  return writeModel(linear(weights), path.join(folder, 'loose.onnx'), { externalData: 'always' }).files
}

export type Kind = keyof typeof WRITERS

/** Paths of what a person would drop: the model, then its data. */
export function writeKind(kind: Kind, folder: string): string[] {
  const { model, data } = WRITERS[kind](folder)
  const file = path.join(folder, 'model.onnx')
  writeModel(model, file)
  return [file, ...data]
}
