/** The C compiler of this machine, where there is one: what is written is compiled and run before it is said to work. */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { sizeOf } from '../../onnx'
import type { Value, Values } from '../../runtime'
import type { Emitted, Parameter } from './emit'
import { indent } from './loops'
import { cType, elementBytes } from './types'

/** Warnings that code of ours must not cause. */
export const STRICT = ['-std=c99', '-Wall', '-Wextra', '-Wconversion', '-pedantic', '-Werror']

const CANDIDATES = ['cc', 'gcc', 'clang']

/** A command that compiles C, or undefined. */
export function findCompiler(candidates: readonly string[] = CANDIDATES): string | undefined {
  return candidates.find((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0)
}

/** Seconds after which a compiler or a program is ended. */
const LIMIT = 300

export interface Outcome {
  ok: boolean
  /** What it printed. */
  text: string
}

/** Compiles and links files of a folder. */
export function compile(
  compiler: string,
  folder: string,
  files: readonly string[],
  out: string,
  flags: readonly string[],
): Outcome {
  const { status, stderr, error } = spawnSync(compiler, [...flags, ...files, '-o', out, '-lm'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: LIMIT * 1000,
    // Compilers leave what they make on the way where a killed one would leave it for good.
    env: { ...process.env, TMPDIR: folder, TMP: folder, TEMP: folder },
  })
  return { ok: status === 0, text: error ? String(error) : stderr }
}

const size = ({ buffer }: Parameter): number => sizeOf(buffer.dims) * elementBytes(buffer.dtype)

type Interface = Pick<Emitted, 'parameters' | 'stateBytes'>

/** Where a state lies in a program that has the struct as `state`. */
const member = ({ variable }: Parameter): string => `state.${variable}`

/** Statements that run the model once, on arrays with the names of its parameters. */
export function runStatement({ parameters, stateBytes }: Interface, prefix: string): string {
  const ports = [...parameters.inputs, ...parameters.outputs].map(({ variable }) => variable)
  return `${prefix}_run(${['memory.bytes', ...(stateBytes > 0 ? ['&state'] : []), ...ports].join(', ')});`
}

/** Declarations of the arena and, where there is one, of the state. */
export const memory = ({ stateBytes }: Interface, prefix: string): string =>
  `static union { uint64_t align; unsigned char bytes[${prefix.toUpperCase()}_ARENA_BYTES + 8]; } memory;${
    stateBytes > 0 ? `\nstatic ${prefix}_state state;` : ''
  }`

/** Reads inputs and states, runs, writes outputs and states. */
function sampleCode(made: Interface, prefix: string): string {
  const { inputs, outputs, states } = made.parameters
  const read = (place: string, one: Parameter): string =>
    `if (fread(${place}, 1, ${size(one)}, stdin) != ${size(one)}) return 2;`
  const write = (place: string, one: Parameter): string => `fwrite(${place}, 1, ${size(one)}, stdout);`
  return `${memory(made, prefix)}
${[...inputs, ...outputs].map(({ buffer, variable }) => `static ${cType(buffer.dtype)} ${variable}[${Math.max(1, sizeOf(buffer.dims))}];`).join('\n')}
${[...inputs.map((one) => read(one.variable, one)), ...states.map((one) => read(member(one), one))].join('\n')}
${runStatement(made, prefix)}
${[...outputs.map((one) => write(one.variable, one)), ...states.map((one) => write(member(one), one))].join('\n')}`
}

/** A program that runs models, by their prefixes, on one sample after another; a byte before each says on which. */
export function harness(models: ReadonlyMap<string, Interface>): string {
  const each = [...models].map(
    ([prefix, made], i) => `if (which == ${i}) {\n${indent(sampleCode(made, prefix))}\n}`,
  )
  return `${[...models.keys()].map((prefix) => `#include "${prefix}.h"`).join('\n')}
#include <stdio.h>

static unsigned char which;

int main(void)
{
  while (fread(&which, 1, 1, stdin) == 1) {
${indent(indent(each.join('\n')))}
  }
  return 0;
}
`
}

const bytesIn = ({ data }: Value): Uint8Array => {
  if (Array.isArray(data)) throw new TypeError('text goes into no model of C')
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** Runs a compiled harness of up to 256 models on samples, each for the model of its number: their outputs, or why it did not come to its end. */
export function runHarness(
  program: string,
  models: readonly Pick<Emitted, 'parameters'>[],
  samples: readonly (readonly [model: number, Values])[],
): Values[] | { reason: string } {
  const input = Buffer.concat(
    samples.flatMap(([model, sample]) => {
      const { inputs, states } = models[model]!.parameters
      const given = [...inputs, ...states].map(({ buffer }) => bytesIn(sample[buffer.name]!))
      return [Uint8Array.of(model), ...given]
    }),
  )
  const { status, signal, stdout, stderr } = spawnSync(program, [], {
    input,
    timeout: LIMIT * 1000,
    maxBuffer: 2 ** 30,
  })
  const results = samples.map(([model]) => {
    const { outputs, states } = models[model]!.parameters
    return [...outputs, ...states.map((state) => ({ ...state, buffer: state.output }))]
  })
  const wanted = results.flat().reduce((sum, one) => sum + size(one), 0)
  if (status !== 0 || stdout.length !== wanted)
    return { reason: stderr.toString('utf8').slice(0, 2000) || `it ended with ${signal ?? status}` }
  let at = 0
  return results.map((ports) =>
    Object.fromEntries(
      ports.map((one): [string, Value] => {
        const bytes = new Uint8Array(stdout.subarray(at, (at += size(one))))
        return [one.buffer.name, valueOf(one, bytes)]
      }),
    ),
  )
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const

function valueOf({ buffer: { dtype, dims } }: Parameter, bytes: Uint8Array): Value {
  const data = new ARRAYS[dtype as keyof typeof ARRAYS](bytes.buffer as ArrayBuffer)
  return { dtype, dims, data }
}

/** Names of the files of a model. */
export const fileNames = (
  prefix: string,
): Record<'header' | 'code' | 'weightsHeader' | 'weights', string> => ({
  header: `${prefix}.h`,
  code: `${prefix}.c`,
  weightsHeader: `${prefix}_weights.h`,
  weights: `${prefix}_weights.c`,
})

/** Writes the sources into a folder. */
export function writeSources(emitted: Emitted, prefix: string, folder: string): void {
  for (const [key, name] of Object.entries(fileNames(prefix)))
    fs.writeFileSync(path.join(folder, name), emitted[key as keyof ReturnType<typeof fileNames>])
}
