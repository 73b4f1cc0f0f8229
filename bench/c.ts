/**
 * Exported C beside that of emx-onnx-cgen (PyPI; `PARE_PYTHON` names a Python that has it) and onnx2c (`PARE_ONNX2C`) on
 * an emulated Cortex-M4F: the same model, the same input, one compiler.
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
import { PEERS, type Peer } from './support/c-peers'
import { countOn, sizesOf } from './support/cortex-m'
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
  flash: number
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
    const { flash, stack } = sizesOf(folder, files, 'model_run')
    if (sizeOf(inputs[0]!.buffer.dims) !== input.length) throw new Error('the input has another size')
    return { flash, ram: made.arenaBytes + stack, ...counted }
  })
}

/** Undefined where it does not take the model, or what it wrote does not compile. */
const theirs = (peer: Peer, model: string, input: readonly number[], outputs: number): Measured | undefined =>
  inFolder((folder) => {
    const source = peer.write(model, folder)
    if (source === undefined) return undefined
    fs.writeFileSync(path.join(folder, 'peer.c'), source)
    const declared = `void ${peer.entry}(const float *, float *);`
    try {
      const counted = countOn(folder, ['peer.c'], declared, `${peer.entry}(in, out)`, [input, outputs])
      const { flash, stack } = sizesOf(folder, ['peer.c'], peer.entry)
      return { flash, ram: stack, ...counted }
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
      const input = Array.from({ length: sizeOf(own.parameters.inputs[0]!.buffer.dims) }, () => random.next())
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
        float: theirs(peer, file, input, size),
        integer: hasInteger ? theirs(peer, quantized, input, size) : undefined,
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

const kilobytes = (what: string, bytes: number): Figure => ({ what, value: bytes / 1000, unit: 'kB' })

const ownFigures = (name: string, { float, four, integer }: Runs): Figure[] => [
  kilobytes(`${name} float: flash`, float.flash),
  kilobytes(`${name} float: arena and stack`, float.ram),
  kilobytes(`${name} 4 bits: flash`, four.flash),
  ...(integer
    ? [
        kilobytes(`${name} int8: flash`, integer.flash),
        kilobytes(`${name} int8: arena and stack`, integer.ram),
      ]
    : []),
]

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
    kilobytes(`${name} float, ${peer.name}: flash`, peer.float.flash),
    kilobytes(`${name} float, ${peer.name}: largest frame of its stack`, peer.float.ram),
    // A thousandth is what two linkers' orders of the same tables differ by.
    times('float: its flash over ours', peer.float.flash / float.flash, 0.999),
    times('float: its instructions over ours', peer.float.instructions / float.instructions),
    times('4 bits: its flash in float over ours', peer.float.flash / four.flash, 4),
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
          times('int8: its flash in int8 over ours', peer.integer.flash / integer.flash, 1),
          times('int8: its instructions in int8 over ours', peer.integer.instructions / integer.instructions),
        ]
      : []),
  ]
}

export const entry: Entry = {
  about: 'exported C beside emx-onnx-cgen and onnx2c: flash, memory, instructions on an emulated Cortex-M4F',
  run: figures,
}
