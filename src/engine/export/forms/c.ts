/** C99 for microcontrollers: sources that any compiler takes, without a runtime. */
import fs from 'node:fs'
import path from 'node:path'
import { onDisk } from '../../../contract/errors'
import { formatBytes } from '../../../contract/format'
import type { Model } from '../../onnx'
import type { Board } from '../../targets/board'
import { temporaryFolder } from '../../onnx/temporary'
import { libraryProperties, sketch } from '../c/arduino'
import { callsCmsis, SINGLE_ROUNDING } from '../c/cmsis'
import { compile, fileNames, findCompiler, harness, runHarness, STRICT } from '../c/compiler'
import { footprintOf } from '../c/footprint'
import { generate, type Generated } from '../c/generate'
import { testSource } from '../c/test-source'
import { Unsupported } from '../c/unsupported'
import type { BundleFiles } from '../files'
import type { Golden } from '../golden'
import { defineForm, type WrittenForm } from './form'
import { verifyBy, type Verification } from './verification'

const FOLDER = 'c'
/** Where sources and test lie in it; Arduino compiles all that lies in src, and nothing in extras. */
const PLAIN = { sources: '', test: '' }
const ARDUINO = { sources: 'src/', test: 'extras/' }
/** Begins the names of files, functions and constants. */
const PREFIX = 'model'
const NAMES = fileNames(PREFIX)

/** Characters of weights beyond which they are not compiled here, and bytes of memory that GCC 12 takes for each. */
const MOST_COMPILED = 2 ** 25
const BYTES_TO_COMPILE = 20

/** What each written form is made of, for as long as its bundle is in the making. */
const made = new WeakMap<WrittenForm, Made>()

interface Made {
  generated: Generated
  layout: typeof PLAIN
}

/** A clone of ARM-software/CMSIS-NN, rounding as the plain form does. */
const WITH_CMSIS = `
set(CMSIS_NN "" CACHE PATH "sources of CMSIS-NN")
if(NOT EXISTS "\${CMSIS_NN}/CMakeLists.txt")
  message(FATAL_ERROR "Give a clone of https://github.com/ARM-software/CMSIS-NN: -DCMSIS_NN=PATH")
endif()
add_subdirectory(\${CMSIS_NN} cmsis-nn)
target_compile_definitions(cmsis-nn PRIVATE ${SINGLE_ROUNDING})
target_link_libraries(${PREFIX} PUBLIC cmsis-nn)`

const cmake = (
  { sources, test }: typeof PLAIN,
  cmsis: boolean,
): string => `cmake_minimum_required(VERSION 3.10)
project(${PREFIX} C)
set(CMAKE_C_STANDARD 99)
add_library(${PREFIX} ${sources}${NAMES.code} ${sources}${NAMES.weights})
target_include_directories(${PREFIX} PUBLIC \${CMAKE_CURRENT_SOURCE_DIR}/${sources})${cmsis ? WITH_CMSIS : ''}
if(NOT WIN32)
  target_link_libraries(${PREFIX} PUBLIC m)
endif()
if(EXISTS \${CMAKE_CURRENT_SOURCE_DIR}/${test}test_${PREFIX}.c)
  add_executable(test_${PREFIX} ${test}test_${PREFIX}.c)
  target_link_libraries(test_${PREFIX} ${PREFIX})
  enable_testing()
  add_test(NAME golden COMMAND test_${PREFIX})
endif()
`

export const c = defineForm({
  id: 'c',
  title: `${FOLDER}/${NAMES.code}`,
  purpose: 'the model as C99',
  async write(model, files, { board, arduino, cmsis }) {
    const layout = arduino ? ARDUINO : PLAIN
    const generated = await generatedOr(model, board, cmsis)
    if ('reason' in generated) return generated
    const add = (name: string, text: string, what: string): string => {
      const place = `${FOLDER}/${layout.sources}${name}`
      files.write(place, text, what)
      return place
    }
    const download = [
      add(NAMES.header, generated.header, 'its interface'),
      add(NAMES.code, generated.code, this.purpose),
      add(NAMES.weightsHeader, generated.weightsHeader, 'names of its weights'),
      add(NAMES.weights, generated.weights, 'its weights, compressed'),
    ]
    files.write(
      `${FOLDER}/CMakeLists.txt`,
      cmake(layout, callsCmsis(generated)),
      'builds a library and, with golden samples, a test',
    )
    if (arduino) {
      files.write(`${FOLDER}/library.properties`, libraryProperties(PREFIX), 'makes it a library of Arduino')
      files.write(`${FOLDER}/examples/run/run.ino`, sketch(generated, PREFIX), 'a sketch that runs it')
    }
    const written: WrittenForm = {
      model: { file: `${FOLDER}/${layout.sources}${NAMES.code}`, optimization: 'none' },
      download,
    }
    made.set(written, { generated, layout })
    return written
  },
  async footprint(model, board) {
    const generated = await generatedOr(model, board)
    return 'reason' in generated ? generated : footprintOf(generated, board)
  },
  async verify(written, files, golden) {
    const own = made.get(written)
    return own ? proven(own, files, golden) : FOREIGN
  },
  snippets: () => [],
  sections: (written) => sections(made.get(written)!),
})

const ramOf = (board?: Board): number | undefined =>
  board && Math.min(board.ramBytes ?? Infinity, board.maxRamBytes ?? Infinity)

/** Of a bundle that is read again nobody knows who wrote its sources. */
const FOREIGN: Verification = {
  differences: {},
  verdict: 'unproven',
  reason: `sources are code, and Pare runs only what it has just written; compile and run test_${PREFIX}.c, which compares with the golden samples.`,
}

/** Or why there is no C of it. */
async function generatedOr(
  model: Model,
  board?: Board,
  cmsis = false,
): Promise<Generated | { reason: string }> {
  try {
    return await generate(model, PREFIX, undefined, ramOf(board), { cmsis })
  } catch (thrown) {
    if (thrown instanceof Unsupported) return { reason: thrown.message }
    throw thrown
  }
}

/** Compiles without a warning and runs on the golden samples, where this machine has a compiler. */
async function proven(
  { generated, layout }: Made,
  files: BundleFiles,
  golden: Golden,
): Promise<Verification> {
  const test = testSource(generated, PREFIX, golden)
  if (test) files.write(`${FOLDER}/${layout.test}test_${PREFIX}.c`, test, 'golden samples as a program')
  const unproven = (reason: string): Verification => ({ differences: {}, verdict: 'unproven', reason })
  if (callsCmsis(generated))
    return unproven(
      `it calls CMSIS-NN, which is not on this machine; compile and run test_${PREFIX}.c with it, which compares with the golden samples.`,
    )
  if (generated.weights.length > MOST_COMPILED)
    return unproven(
      `a compiler would take some ${formatBytes(generated.weights.length * BYTES_TO_COMPILE)} of memory for ${formatBytes(generated.constantBytes)} of weights as text; compile and run test_${PREFIX}.c, which compares with the golden samples.`,
    )
  const compiler = findCompiler()
  if (!compiler)
    return unproven('this machine has no C compiler (cc, gcc or clang) that it could be run with.')
  const folder = temporaryFolder('c')
  try {
    onDisk(folder, () => {
      for (const name of Object.values(NAMES))
        fs.copyFileSync(files.path(`${FOLDER}/${layout.sources}${name}`), path.join(folder, name))
      fs.writeFileSync(path.join(folder, 'main.c'), harness(new Map([[PREFIX, generated]])))
    })
    const sources = [NAMES.code, NAMES.weights, 'main.c']
    const built = compile(compiler, folder, sources, 'main', [...STRICT, '-O2'])
    if (!built.ok) return unproven(`${compiler} does not take it: ${built.text.slice(0, 500)}`)
    const ran = runHarness(
      path.join(folder, 'main'),
      [generated],
      golden.samples.map(({ inputs }) => [0, inputs] as const),
    )
    if (!Array.isArray(ran))
      return { differences: {}, verdict: 'differs', reason: `it does not run: ${ran.reason}` }
    let next = 0
    return await verifyBy(golden, async () => ran[next++]!)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function sections({ generated, layout }: Made): string[] {
  const cmsis = callsCmsis(generated)
  const { header, constantBytes, arenaBytes, stateBytes, macs } = generated
  const prototypes = header.split('\n').filter((line) => line.startsWith('void '))
  const state =
    stateBytes > 0
      ? ` The struct \`${PREFIX}_state\` takes another ${formatBytes(stateBytes)} and is kept from one run to the next.`
      : ''
  return [
    '## The C sources',
    `\`${FOLDER}/\` holds C99 that needs no library but the standard one's \`<stdint.h>\`, \`<string.h>\` and \`<math.h>\`: no ` +
      'allocation, no globals but constant tables, one arena that the caller gives.',
    `\`\`\`c\n${prototypes.join('\n')}\n\`\`\``,
    `Weights and tables take ${formatBytes(constantBytes)} of flash besides the code, the arena ${formatBytes(arenaBytes)} of RAM besides ` +
      `the stack; one run takes ${macs.toLocaleString('en')} multiply-accumulates.${state}`,
    ...(cmsis
      ? [
          `Layers in int8 call [CMSIS-NN](https://github.com/ARM-software/CMSIS-NN) (7), for chips without Helium; give CMake a clone of it as \`-DCMSIS_NN=PATH\`. ` +
            `Built with \`${SINGLE_ROUNDING}\` it gives the codes of the plain form, without it one code more or less now and then.`,
        ]
      : []),
    `\`cmake -S ${FOLDER} -B build${cmsis ? ' -DCMSIS_NN=PATH' : ''} && cmake --build build && ctest --test-dir build\` builds it and compares with the golden samples; on a ` +
      `board, compile \`${layout.test}test_${PREFIX}.c\` with the other two files.`,
  ]
}
