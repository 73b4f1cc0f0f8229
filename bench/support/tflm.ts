/**
 * The reference kernels of TensorFlow Lite Micro beside C. `PARE_TFLM` names a folder with the sources `tflite-micro`,
 * `flatbuffers`, `gemmlowp` and `ruy` (clones of google's), and of each model what `to_tflite.py` makes of it. Objects are
 * compiled there once.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { CPU } from './cortex-m'
import type { Peer } from './c-peers'

const root = process.env['PARE_TFLM'] ?? ''
const at = (...parts: string[]): string => path.join(root, ...parts)

const COMPILER = 'arm-none-eabi-g++'
const OPTIONS = ['-std=c++17', '-fno-rtti', '-fno-exceptions', '-fno-threadsafe-statics', '-w'].concat(
  ['-ffunction-sections', '-fdata-sections'],
  ['TF_LITE_STATIC_MEMORY', 'TF_LITE_STRIP_ERROR_STRINGS', 'NDEBUG'].map((name) => `-D${name}`),
)
const INCLUDE = ['tflite-micro', 'flatbuffers/include', 'gemmlowp', 'ruy'].map((name) => `-I${at(name)}`)

/** Of TensorFlow Lite: what its resolver calls an operator, and the files of its kernel. */
const OPERATORS: Readonly<Record<string, readonly [name: string, file: string]>> = {
  CONV_2D: ['Conv2D', 'conv'],
  MAX_POOL_2D: ['MaxPool2D', 'pooling'],
  AVERAGE_POOL_2D: ['AveragePool2D', 'pooling'],
  FULLY_CONNECTED: ['FullyConnected', 'fully_connected'],
  RESHAPE: ['Reshape', 'reshape'],
  PAD: ['Pad', 'pad'],
  SUB: ['Sub', 'sub'],
  MUL: ['Mul', 'mul'],
  MAXIMUM: ['Maximum', 'maximum_minimum'],
  MINIMUM: ['Minimum', 'maximum_minimum'],
  QUANTIZE: ['Quantize', 'quantize'],
  DEQUANTIZE: ['Dequantize', 'dequantize'],
}

const FOLDERS = ['micro', 'micro/arena_allocator', 'micro/memory_planner', 'micro/tflite_bridge'].concat(
  ['core/c', 'core/api', 'kernels/internal', 'kernels/internal/reference'].concat(
    ['core/api', 'schema'].map((name) => `../compiler/mlir/lite/${name}`),
  ),
)

function sources(): string[] {
  const lite = at('tflite-micro', 'tensorflow', 'lite')
  const common = FOLDERS.flatMap((folder) => {
    const from = path.join(lite, folder)
    return (fs.existsSync(from) ? fs.readdirSync(from) : [])
      .filter((name) => name.endsWith('.cc') && !/test|fake_|mock|hexdump|recording_micro_interp/.test(name))
      .map((name) => path.join(from, name))
  })
  const kernels = [...new Set(Object.values(OPERATORS).map(([, file]) => file)), 'kernel_util']
    .flatMap((name) => [`${name}.cc`, `${name}_common.cc`])
    .map((name) => path.join(lite, 'micro', 'kernels', name))
  return [
    ...common,
    path.join(lite, 'kernels', 'kernel_util.cc'),
    ...kernels.filter((file) => fs.existsSync(file)),
  ]
}

const compiled = (folder: string, files: readonly string[], optimization: string): void => {
  const words = [...CPU, optimization, ...OPTIONS, ...INCLUDE, '-c', ...files]
  const { status, stderr } = spawnSync(COMPILER, words, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}

/** The library's objects. */
function objects(optimization: string): string[] {
  const folder = at(`objects${optimization}`)
  if (!fs.existsSync(folder)) {
    console.log(`  compiling TensorFlow Lite Micro with ${optimization}`)
    // Files of one name lie in several folders.
    for (const [i, file] of sources().entries()) {
      const own = `${folder}.part/${i}`
      fs.mkdirSync(own, { recursive: true })
      compiled(own, [file], optimization)
    }
    fs.renameSync(`${folder}.part`, folder)
  }
  return fs.readdirSync(folder).flatMap((own) => {
    const inside = path.join(folder, own)
    return fs.readdirSync(inside).map((name) => path.join(inside, name))
  })
}

/** The first run makes what the others use; elements of an image come channel by channel. */
const program = (
  model: Uint8Array,
  operators: readonly string[],
  [channels, places]: readonly [number, number],
): string => `
#include <new>
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
alignas(16) static const unsigned char model[] = {${model.join(',')}};
alignas(16) static uint8_t arena[1 << 20];
using Resolver = tflite::MicroMutableOpResolver<${operators.length}>;
using Interpreter = tflite::MicroInterpreter;
// Never destroyed: nothing here ends a program.
alignas(16) static unsigned char places[2][sizeof(Resolver) > sizeof(Interpreter) ? sizeof(Resolver) : sizeof(Interpreter)];
static Interpreter *made;
extern "C" unsigned long peer_arena(void) { return made->arena_used_bytes(); }
extern "C" void peer(const float *in, float *out)
{
  if (!made) {
    Resolver *resolver = new (places[0]) Resolver;
${operators.map((name) => `    resolver->Add${OPERATORS[name]![0]}();`).join('\n')}
    made = new (places[1]) Interpreter(tflite::GetModel(model), *resolver, arena, sizeof arena);
    made->AllocateTensors();
  }
  float *x = made->typed_input_tensor<float>(0);
  for (int p = 0; p < ${places}; p++)
    for (int c = 0; c < ${channels}; c++) *x++ = in[c * ${places} + p];
  made->Invoke();
  const float *y = made->typed_output_tensor<float>(0);
  for (unsigned i = 0; i < made->output_tensor(0)->bytes / sizeof *y; i++) out[i] = y[i];
}
`

export const TFLM: Peer = {
  name: 'TensorFlow Lite Micro',
  entry: 'peer',
  arena: 'peer_arena()',
  isInstalled: () => root !== '' && fs.existsSync(at('tflite-micro')),
  write({ name, integer, dims }, folder, optimization) {
    const file = at(`${name}${integer ? '.int8' : ''}.tflite`)
    if (!fs.existsSync(file)) return undefined
    const operators = fs.readFileSync(`${file}.ops`, 'utf8').trim().split('\n')
    const [, channels = 1, ...rest] = dims
    const places = rest.reduce((product, one) => product * one, 1)
    fs.writeFileSync(
      path.join(folder, 'peer.cc'),
      program(fs.readFileSync(file), operators, [channels, places]),
    )
    compiled(folder, ['peer.cc'], optimization)
    return ['peer.o', ...objects(optimization), '-lstdc++']
  },
}
