/**
 * Exported C beside that of emx-onnx-cgen (PyPI; `PARE_PYTHON` names a Python that has it) on an emulated Cortex-M4F:
 * the same model, the same input, one compiler.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { memory, writeSources } from '../src/engine/export/c/compiler'
import { generate } from '../src/engine/export/c/generate'
import { seeded } from '../src/engine/math/random'
import { readModel, sizeOf, type Model } from '../src/engine/onnx'
import { findPass } from '../src/engine/passes'
import { findTarget } from '../src/engine/targets'
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
const python = process.env['PARE_PYTHON'] ?? 'python3'

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

/** Undefined where it does not take the model. */
const theirs = (model: string, input: readonly number[], outputs: number): Measured | undefined =>
  inFolder((folder) => {
    const options = ['--model-name', 'peer', '--input-dim', 'batch=1']
    const whole = ['--large-weight-threshold', '0', '--large-temp-threshold', '0']
    const code = 'import sys; from emx_onnx_cgen.cli import main; sys.exit(main(sys.argv[1:]))'
    const made = spawnSync(python, ['-c', code, 'compile', model, 'peer.c', ...options, ...whole], {
      cwd: folder,
      encoding: 'utf8',
    })
    if (made.status !== 0) return undefined
    const declared = 'void peer(const float *, float *);'
    const counted = countOn(folder, ['peer.c'], declared, 'peer(in, out)', [input, outputs])
    const { flash, stack } = sizesOf(folder, ['peer.c'], 'peer')
    return { flash, ram: stack, ...counted }
  })

const apart = (a: readonly number[], b: readonly number[]): number => {
  const size = Math.max(...a.map(Math.abs), 1e-6)
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!) / size))
}

/** The seam between rounding in another order and another answer. */
const SAME = 1e-3

const hasPeer = (): boolean => spawnSync(python, ['-c', 'import emx_onnx_cgen']).status === 0

async function* figures(chosen: readonly string[]): AsyncIterable<Figure> {
  const lacks = [...missing(), ...(hasPeer() ? [] : ['emx-onnx-cgen'])]
  const found = manifest()
  if (lacks.length > 0 || !found)
    return console.log(`  left out: no ${lacks.join(', no ') || 'reference set'}`)
  for (const name of MODELS.filter((one) => chosen.length === 0 || chosen.includes(one))) {
    const listed = found.models.find((one) => one.name === name)!
    yield* await withReference(listed, async ({ file, model, context }) => {
      const random = seeded(1)
      const own = await generate(model, 'model')
      const input = Array.from({ length: sizeOf(own.parameters.inputs[0]!.buffer.dims) }, () => random.next())
      const float = await ours(model, input)
      const onChip = { ...context, target: findTarget('c') }
      const peer = theirs(file, input, float.outputs.length)
      const few = (
        await findPass('quantize-weights').run(model, { bits: 4, method: 'rtn', maxLoss: 100 }, onChip)
      ).model
      const four = await ours(few, input)
      const quantized = path.join(path.dirname(file), '..', 'peer', `${INT8[name]}.static_minmax_pc.onnx`)
      const hasInteger = fs.existsSync(quantized)
      const integer = hasInteger ? await ours(readModel(quantized), input) : undefined
      const integerPeer = hasInteger ? theirs(quantized, input, float.outputs.length) : undefined
      return compared(name, { float, peer, four, integer, integerPeer })
    })
  }
}

interface Runs {
  float: Measured
  four: Measured
  peer?: Measured
  integer?: Measured
  integerPeer?: Measured
}

function compared(name: string, { float, peer, four, integer, integerPeer }: Runs): Figure[] {
  const kilobytes = (what: string, bytes: number): Figure => ({
    what: `${name} ${what}`,
    value: bytes / 1000,
    unit: 'kB',
  })
  const own = [
    kilobytes('float: flash', float.flash),
    kilobytes('float: arena and stack', float.ram),
    kilobytes('4 bits: flash', four.flash),
    ...(integer
      ? [kilobytes('int8: flash', integer.flash), kilobytes('int8: arena and stack', integer.ram)]
      : []),
  ]
  if (!peer) return own
  if (apart(peer.outputs, float.outputs) > SAME) throw new Error(`${name}: the two give other outputs`)
  const times = (what: string, value: number, atLeast?: number): Figure => ({
    what: `${name} ${what}`,
    value,
    unit: '×',
    ...(atLeast !== undefined && { wanted: { atLeast } }),
  })
  return [
    ...own,
    kilobytes('float, emx-onnx-cgen: flash', peer.flash),
    kilobytes('float, emx-onnx-cgen: largest frame of its stack', peer.ram),
    // A thousandth is what two linkers' orders of the same tables differ by.
    times('float: its flash over ours', peer.flash / float.flash, 0.999),
    times('float: its instructions over ours', peer.instructions / float.instructions),
    times('4 bits: its flash in float over ours', peer.flash / four.flash, 4),
    ...(integer
      ? [times('int8: its instructions in float over ours', peer.instructions / integer.instructions, 2)]
      : []),
    ...(integer && integerPeer
      ? [
          times('int8: its flash in int8 over ours', integerPeer.flash / integer.flash, 1),
          times('int8: its instructions in int8 over ours', integerPeer.instructions / integer.instructions),
        ]
      : []),
  ]
}

export const entry: Entry = {
  about: 'exported C beside emx-onnx-cgen: flash, memory, instructions on an emulated Cortex-M4F',
  run: figures,
}
