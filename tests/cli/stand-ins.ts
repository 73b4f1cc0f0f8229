/** Small models and data under the names that a page of the docs gives to its reader's own. */
import fs from 'node:fs'
import path from 'node:path'
import sharp from 'sharp'
import { Tensor, writeModel } from '../../src/engine/onnx'
import { npy, npz, write } from '../engine/data/support'
import { Net } from '../engine/passes/pruning/build'
import { root } from './documented'

const sample = (name: string): string => path.join(root, 'resources', 'samples', name)

/** The smallest of the samples, a policy that drives a car. */
const driver = (folder: string, model: string, data: string): void => {
  fs.mkdirSync(path.dirname(path.join(folder, model)), { recursive: true })
  fs.copyFileSync(path.join(sample('car'), 'car.onnx'), path.join(folder, model))
  fs.cpSync(path.join(sample('car'), 'data'), path.join(folder, data), { recursive: true })
}

/** [N, 3, 640, 640] → [N, 4 + 2 classes, 8 boxes], as YOLOv8 gives them: the same boxes whatever is seen. */
async function detector(folder: string): Promise<void> {
  const net = new Net()
  const seen = net.op('GlobalAveragePool', [net.input('images', ['N', 3, 640, 640])])
  const one = net.op('Reshape', [
    net.op('Slice', [seen, net.ints([0]), net.ints([1]), net.ints([1])]),
    net.ints([-1, 1, 1]),
  ])
  const boxes = Float32Array.from({ length: 48 }, (_, i) => (i < 32 ? 100 + 10 * (i % 8) : (i % 5) / 5))
  writeModel(
    net
      .output(
        net.op('Add', [
          net.op('Mul', [one, net.constant('none', Tensor.float32([1], [0]))]),
          net.constant('boxes', Tensor.float32([1, 6, 8], boxes)),
        ]),
        3,
      )
      .done(),
    path.join(folder, 'yolo.onnx'),
  )
  const picture = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'skyblue' } })
    .png()
    .toBuffer()
  write(folder, {
    'birds/data.yaml': 'path: .\ntrain: images/train\nval: images/val\nnames: [bird, drone]\n',
  })
  for (const split of ['train', 'val'])
    for (const name of ['a', 'b'])
      write(folder, {
        [`birds/images/${split}/${name}.png`]: picture,
        [`birds/labels/${split}/${name}.txt`]: '0 0.5 0.5 0.2 0.2\n',
      })
}

/** Frames of 16 numbers and a state of one, in 8 clips of 12 frames; every third frame is speech. */
function listener(folder: string): void {
  const net = new Net()
  const [x, state] = [net.input('x', ['N', 16]), net.input('state', ['N', 1])]
  const heard = net.op('ReduceMean', [x, net.ints([1])])
  net.model.graph.addNode({ opType: 'Add', inputs: [heard, state], outputs: ['state_out'] })
  net.model.graph.addNode({ opType: 'Sigmoid', inputs: ['state_out'], outputs: ['score'] })
  for (const name of ['score', 'state_out'])
    net.model.graph.outputs.push({ name, dtype: 'float32', dims: ['N', 1] })
  writeModel(net.done(), path.join(folder, 'vad.onnx'))
  const heardIn = Float32Array.from({ length: 8 * 12 * 16 }, (_, i) => Math.sin(i))
  const speech = BigInt64Array.from({ length: 8 * 12 }, (_, i) => BigInt(i % 12 < 4 ? 1 : 0))
  write(folder, { 'rooms.npz': npz({ x: npy('<f4', [8, 12, 16], heardIn), y: npy('<i8', [8, 12], speech) }) })
}

/** A day of three channels with what was done; windows of 128 rows. */
function walker(folder: string): void {
  const net = new Net()
  const seen = net.op('ReduceMean', [net.input('motion', ['N', 3, 128]), net.ints([2])], {
    keepdims: { int: 0 },
  })
  writeModel(net.output(net.gemm(seen, 3, 2), 2).done(), path.join(folder, 'steps.onnx'))
  const rows = Array.from({ length: 2048 }, (_, i) => {
    const walks = i % 512 < 256
    return [
      i / 100,
      ...[1, 2, 3].map((n) => (Math.sin(n * i) * (walks ? 2 : 0.1)).toFixed(3)),
      walks ? 'walk' : 'rest',
    ].join(',')
  })
  write(folder, { 'day.csv': `time,x,y,z,activity\n${rows.join('\n')}\n` })
}

/** A page that is not here has a driver as `model.onnx` and its drives in `data/`. */
const PAGES: Record<
  string,
  (folder: string, run: (line: string) => Promise<unknown>) => void | Promise<void>
> = {
  'docs/library.md': (folder) => {
    driver(folder, 'model.onnx', 'data')
    fs.copyFileSync(path.join(root, 'examples', 'plugin.mjs'), path.join(folder, 'plugin.mjs'))
  },
  'docs/microcontrollers.md': (folder) => {
    driver(folder, 'model.onnx', 'bearing')
    driver(folder, 'resources/samples/bearing/cnn1d.onnx', 'resources/samples/bearing/data')
  },
  'docs/data.md': (folder) => {
    driver(folder, 'model.onnx', 'data')
    fs.renameSync(path.join(folder, 'data', 'validation.csv'), path.join(folder, 'table.csv'))
    for (const name of ['bearing.onnx', 'motor.onnx'])
      fs.copyFileSync(path.join(sample('machine'), name), path.join(folder, name))
  },
  'docs/troubleshooting.md': async (folder, run) => {
    driver(folder, 'model.onnx', 'data')
    await run('compress model.onnx --data data/ --pass quantize-weights --out small/')
    await run('export small/model.onnx --out bundle.zip')
  },
  'docs/tutorials/microcontroller.md': (folder) => driver(folder, 'vibration/cnn1d.onnx', 'vibration/data'),
  'docs/tutorials/car.md': (folder) => {
    driver(folder, 'policy.onnx', 'data')
    fs.renameSync(path.join(folder, 'data', 'validation.csv'), path.join(folder, 'drives.csv'))
  },
  'docs/tutorials/phone.md': (folder) => driver(folder, 'photos.onnx', 'photos'),
  'docs/tutorials/drone.md': detector,
  'docs/tutorials/wake-word.md': listener,
  'docs/tutorials/wearable.md': walker,
}

/** `run` executes a line of `pare` there. */
export async function layOut(
  page: string,
  folder: string,
  run: (line: string) => Promise<unknown>,
): Promise<void> {
  const own = PAGES[page]
  if (own) await own(folder, run)
  else driver(folder, 'model.onnx', 'data')
}
