/** C of a model, compiled as strictly as it can be and run. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {
  compile,
  findCompiler,
  harness,
  runHarness,
  STRICT,
  writeSources,
} from '../../../../src/engine/export/c/compiler'
import { generate, type Generated } from '../../../../src/engine/export/c/generate'
import type { Model } from '../../../../src/engine/onnx'
import { floatsOf, withSession, type Values } from '../../../../src/engine/runtime'

export const compiler = findCompiler()

/** Said where tests are left out. */
export const WITHOUT = compiler ? '' : ' (left out: this machine has no C compiler)'

export const SANITIZED = ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']

/** For many models: half the compiler's time, and an error ends the program without a word of where it is. */
export const TRAPPED = [
  '-O0',
  '-fsanitize=address,undefined',
  '-fsanitize-undefined-trap-on-error',
  '--param=asan-instrumentation-with-call-threshold=0',
]

/** Those of the flags with which it makes a program: libraries for 32 bits and of sanitizers may be missing. */
export function linked(command: string | undefined, flags: readonly string[]): readonly string[] {
  if (!command) return []
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-c-32-'))
  try {
    fs.writeFileSync(path.join(folder, 'a.c'), '#include <math.h>\nint main(void) { return 0; }\n')
    return compile(command, folder, ['a.c'], 'a', flags).ok ? flags : []
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Outputs by sample. Throws what the compiler or the program says. */
export const runC = (
  made: Generated,
  samples: readonly Values[],
  flags: readonly string[] = SANITIZED,
): Values[] =>
  runAll(
    [made],
    samples.map((sample) => [0, sample] as const),
    flags,
  )

const prefixOf = (i: number): string => (i === 0 ? 'model' : `model${i}`)

/** With static functions that other models of one unit do not have: a compiler that begins once is three times as fast. */
function renamed(made: Generated, prefix: string): Generated {
  const names = Array.from(made.code.matchAll(/^static \w+ (\w+)\(/gm), ([, name]) => name)
  const whole = new RegExp(`\\b(${names.join('|')})\\(`, 'g')
  return names.length === 0 ? made : { ...made, code: made.code.replaceAll(whole, `$1_${prefix}(`) }
}

/** Outputs by sample, of models with the prefixes of their places, compiled as one unit. */
export function runAll(
  models: readonly Generated[],
  samples: readonly (readonly [model: number, Values])[],
  flags: readonly string[] = SANITIZED,
): Values[] {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pare-c-test-'))
  try {
    const prefixes = models.map((_, i) => prefixOf(i))
    models.forEach(
      (made, i) => void writeSources(i === 0 ? made : renamed(made, prefixes[i]!), prefixes[i]!, folder),
    )
    fs.writeFileSync(
      path.join(folder, 'main.c'),
      harness(new Map(models.map((made, i) => [prefixes[i]!, made]))),
    )
    const files = prefixes.flatMap((prefix) => [`${prefix}.c`, `${prefix}_weights.c`])
    const units = models.length > 1 ? ['all.c'] : [...files, 'main.c']
    fs.writeFileSync(
      path.join(folder, 'all.c'),
      [...files, 'main.c'].map((file) => `#include "${file}"\n`).join(''),
    )
    const built = compile(compiler!, folder, units, 'main', [...STRICT, ...flags])
    if (!built.ok) throw new Error(built.text)
    const ran = runHarness(path.join(folder, 'main'), models, samples)
    if (!Array.isArray(ran)) throw new Error(ran.reason)
    return ran
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

interface Beside {
  model: Model
  samples: readonly Values[]
  ram?: number
}

/** Of each of up to 256 models: largest difference of any output over its largest magnitude, C against ONNX Runtime. */
export async function allApart(
  list: readonly Beside[],
  flags?: readonly string[],
): Promise<{ made: Generated; most: number }[]> {
  const made: Generated[] = []
  for (const [i, { model, samples, ram }] of list.entries())
    made.push(await generate(model, prefixOf(i), samples[0], ram))
  const results = runAll(
    made,
    list.flatMap(({ samples }, i) => samples.map((sample) => [i, sample] as const)),
    flags,
  )
  const found: { made: Generated; most: number }[] = []
  for (const [i, { model, samples }] of list.entries())
    found.push({ made: made[i]!, most: await mostApart(model, samples, results.splice(0, samples.length)) })
  return found
}

/** Of one model. */
export const apart = async (
  model: Model,
  samples: readonly Values[],
  flags?: readonly string[],
  ram?: number,
): Promise<{ made: Generated; most: number }> =>
  (await allApart([{ model, samples, ...(ram !== undefined && { ram }) }], flags))[0]!

async function mostApart(
  model: Model,
  samples: readonly Values[],
  results: readonly Values[],
): Promise<number> {
  let most = 0
  await withSession(model, { optimization: 'disabled' }, async (session) => {
    for (const [n, sample] of samples.entries()) {
      const wanted = await session.run(sample)
      for (const [name, value] of Object.entries(results[n]!)) {
        const [a, b] = [floatsOf(wanted[name]!), floatsOf(value)]
        if (a.length !== b.length) throw new Error(`${name} has ${b.length} elements, not ${a.length}`)
        const size = a.reduce((largest, one) => Math.max(largest, Math.abs(one)), 1e-6)
        a.forEach(
          (one, i) =>
            void (most = Math.max(most, Object.is(one, b[i]!) ? 0 : Math.abs(one - b[i]!) / size || 0)),
        )
        if (b.some((one, i) => Number.isNaN(one) !== Number.isNaN(a[i]!))) most = Infinity
      }
    }
  })
  return most
}
