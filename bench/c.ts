/**
 * Exported C beside that of emx-onnx-cgen (PyPI; `PARE_PYTHON` names a Python that has it) and onnx2c (`PARE_ONNX2C`), and
 * TensorFlow Lite Micro (`PARE_TFLM`, see support/tflm.ts) on an emulated Cortex-M4F: the same model, the same input, one
 * compiler.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { memory, writeSources } from '../src/engine/export/c/compiler'
import { generate } from '../src/engine/export/c/generate'
import { seeded } from '../src/engine/math/random'
import { readModel, sizeOf, type Model } from '../src/engine/onnx'
import { findPass } from '../src/engine/passes'
import { findTarget } from '../src/engine/targets'
import { PEERS, type Peer, type PeerModel } from './support/c-peers'
import { countOn, flashOf, sizesOf, type Sections } from './support/cortex-m'
import { missing } from './support/emulated-arm'
import type { Entry, Figure } from './support/figure'
import { manifest, withReference } from './support/reference'

const MODELS = ['lenet5_legacy', 'cnn1d_bn_legacy', 'mlp']
/** What ONNX Runtime's tools quantized, where there is such a file. */
const INT8: Readonly<Record<string, string>> = {
  lenet5_legacy: 'lenet5',
  cnn1d_bn_legacy: 'cnn1d',
  mlp: 'mlp',
}

interface Measured {
  sections: Sections
  ram: number
  instructions: number
  outputs: number[]
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-bench-c-'))
  try {
    return work(folder)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function ours(model: Model, input: readonly number[]): Promise<Measured> {
  const made = await generate(model, 'model')
  const { outputs, inputs } = made.parameters
  const [size] = outputs.map(({ buffer }) => sizeOf(buffer.dims))
  return inFolder((folder) => {
    writeSources(made, 'model', folder)
    const files = ['model.c', 'model_weights.c']
    const declared = `#include "model.h"\n${memory(made, 'model')}`
    const counted = countOn(folder, files, declared, 'model_run(memory.bytes, in, out)', [input, size!])
    const { sections, stack } = sizesOf(folder, files, 'model_run')
    if (sizeOf(inputs[0]!.buffer.dims) !== input.length) throw new Error('the input has another size')
    return { sections, ram: made.arenaBytes + stack, ...counted }
  })
}

/** Undefined where it does not take the model, or what it wrote does not compile. */
const theirs = (
  peer: Peer,
  model: PeerModel,
  input: readonly number[],
  outputs: number,
): Measured | undefined =>
  inFolder((folder) => {
    const declared = `void ${peer.entry}(const float *, float *);${peer.arena ? `\nunsigned long ${peer.arena.replace('()', '(void)')};` : ''}`
    try {
      const fast = peer.write(model, folder, '-O2')
      if (fast === undefined) return undefined
      const counted = countOn(folder, fast, declared, `${peer.entry}(in, out)`, [input, outputs], peer.arena)
      const { sections, stack } = sizesOf(folder, peer.write(model, folder, '-Os')!, peer.entry)
      return { sections, ram: counted.arena + stack, ...counted }
    } catch (thrown) {
      console.log(`  ${peer.name}: ${String(thrown).slice(0, 200)}`)
      return undefined
    }
  })

const apart = (a: readonly number[], b: readonly number[]): number => {
  const size = Math.max(...a.map(Math.abs), 1e-6)
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!) / size))
}

/** The seam between rounding in another order and another answer. */
const SAME = 1e-3

async function* figures(chosen: readonly string[]): AsyncIterable<Figure> {
  const lacks = missing()
  const found = manifest()
  if (lacks.length > 0 || !found)
    return console.log(`  left out: no ${lacks.join(', no ') || 'reference set'}`)
  const installed = PEERS.filter((peer) => peer.isInstalled())
  for (const { name } of PEERS.filter((peer) => !installed.includes(peer)))
    console.log(`  not beside ${name}, which is not installed`)
  for (const name of MODELS.filter((one) => chosen.length === 0 || chosen.includes(one))) {
    const listed = found.models.find((one) => one.name === name)!
    yield* await withReference(listed, async ({ file, model, context }) => {
      const random = seeded(1)
      const own = await generate(model, 'model')
      const { dims } = own.parameters.inputs[0]!.buffer
      const input = Array.from({ length: sizeOf(dims) }, () => random.next())
      const float = await ours(model, input)
      const onChip = { ...context, target: findTarget('c') }
      const few = (
        await findPass('quantize-weights').run(model, { bits: 4, method: 'rtn', maxLoss: 100 }, onChip)
      ).model
      const four = await ours(few, input)
      const quantized = path.join(path.dirname(file), '..', 'peer', `${INT8[name]}.static_minmax_pc.onnx`)
      const hasInteger = fs.existsSync(quantized)
      const integer = hasInteger ? await ours(readModel(quantized), input) : undefined
      const size = float.outputs.length
      const peers = installed.map((peer) => ({
        name: peer.name,
        float: theirs(peer, { name, file, integer: false, dims }, input, size),
        integer: hasInteger
          ? theirs(peer, { name, file: quantized, integer: true, dims }, input, size)
          : undefined,
      }))
      return [
        ...ownFigures(name, { float, four, integer }),
        ...peers.flatMap((peer) => compared(name, { float, four, integer }, peer)),
      ]
    })
  }
}

interface Runs {
  float: Measured
  four: Measured
  integer: Measured | undefined
}

interface PeerRuns {
  name: string
  float: Measured | undefined
  integer: Measured | undefined
}

const bytes = (what: string, value: number): Figure => ({ what, value, unit: 'B', digits: 0 })

const flash = (what: string, { sections }: Measured): Figure[] => [
  bytes(`${what}: flash`, flashOf(sections)),
  ...(['text', 'rodata', 'data'] as const).map((name) => bytes(`${what}: .${name}`, sections[name])),
]

const ownFigures = (name: string, { float, four, integer }: Runs): Figure[] => [
  ...flash(`${name} float`, float),
  bytes(`${name} float: arena and stack`, float.ram),
  ...flash(`${name} 4 bits`, four),
  ...(integer
    ? [...flash(`${name} int8`, integer), bytes(`${name} int8: arena and stack`, integer.ram)]
    : []),
]

const over = (theirs: Measured, ours: Measured): number => flashOf(theirs.sections) / flashOf(ours.sections)

function compared(name: string, { float, four, integer }: Runs, peer: PeerRuns): Figure[] {
  if (!peer.float) {
    console.log(`  ${peer.name} does not take ${name}`)
    return []
  }
  if (apart(peer.float.outputs, float.outputs) > SAME) throw new Error(`${name}: the two give other outputs`)
  const times = (what: string, value: number, atLeast?: number): Figure => ({
    what: `${name} ${peer.name}, ${what}`,
    value,
    unit: '×',
    ...(atLeast !== undefined && { wanted: { atLeast } }),
  })
  return [
    ...flash(`${name} float, ${peer.name}`, peer.float),
    bytes(`${name} float, ${peer.name}: arena and largest frame of its stack`, peer.float.ram),
    times('float: its flash over ours', over(peer.float, float), 1),
    times('float: its instructions over ours', peer.float.instructions / float.instructions),
    times('4 bits: its flash in float over ours', over(peer.float, four), 4),
    ...(integer
      ? [
          times(
            'int8: its instructions in float over ours',
            peer.float.instructions / integer.instructions,
            2,
          ),
        ]
      : []),
    ...(integer && peer.integer
      ? [
          ...flash(`${name} int8, ${peer.name}`, peer.integer),
          times('int8: its flash in int8 over ours', over(peer.integer, integer), 1),
          times('int8: its instructions in int8 over ours', peer.integer.instructions / integer.instructions),
        ]
      : []),
  ]
}

export const entry: Entry = {
  about:
    'exported C beside emx-onnx-cgen, onnx2c and TensorFlow Lite Micro: flash, memory, instructions on an emulated Cortex-M4F',
  run: figures,
}
