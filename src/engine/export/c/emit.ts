/** C99 of a planned program: a header, the code, the weights. */
import { sizeOf, type DType } from '../../onnx'
import { indent } from './loops'
import type { Plan } from './plan'
import { rootOf, timesOf, type Buffer, type Program, type Step } from './program'
import { Sharing } from './sharing'
import { cType, elementBytes, literal } from './types'
import { Unsupported } from './unsupported'

export interface Emitted {
  header: string
  code: string
  weightsHeader: string
  weights: string
  /** Parameters of the run, in order: inputs, then outputs. */
  parameters: { inputs: Parameter[]; outputs: Parameter[]; states: StateParameter[] }
  /** Bytes of constant tables. */
  constantBytes: number
  arenaBytes: number
  stateBytes: number
}

export interface Parameter {
  buffer: Buffer
  variable: string
}

/** A member of the struct that the caller keeps. */
interface StateParameter extends Parameter {
  /** The output of the model that it becomes. */
  output: Buffer
}

/**
 * Any text as the inside of a comment: what is compiled on this machine must not be written by a model's names, so none of
 * the characters that end a comment, continue a line or make a trigraph comes through.
 */
export const comment = (text: string): string => text.replaceAll(/[^ -~]|[*\\?]/g, '_')

/**
 * ASCII letters and digits of a name, none twice in either case: constants are in capitals. A prefix keeps it from all
 * words of C and names of its library.
 */
function variables(prefix: string): (name: string) => string {
  const taken = new Set<string>()
  return (name) => {
    const base = `${prefix}${name.replaceAll(/[^A-Za-z0-9]+/g, '_').slice(0, 40)}`
    let variable = base
    for (let i = 2; taken.has(variable.toUpperCase()); i++) variable = `${base}_${i}`
    taken.add(variable.toUpperCase())
    return variable
  }
}

const typeOf = (buffer: Buffer): string => {
  const type = cType(buffer.dtype)
  if (!type) throw new Unsupported(`C99 has no type for ${buffer.dtype} (“${buffer.name}”).`)
  return type
}

/** An array of no elements is none. */
const lengthOf = (buffer: Buffer): number => Math.max(1, sizeOf(buffer.dims))

const shape = ({ dims }: Buffer): string => `[${dims.join(', ')}]`

/** `prefix` begins every name that other files see. */
export function emit(program: Program, plan: Plan, prefix: string): Emitted {
  const code = new Code(program, plan, prefix)
  return code.whole()
}

class Code {
  private readonly functions = new Map<string, string>()
  private readonly helpers = new Set<string>()
  private readonly constants = new Map<string, { name: string; buffer: Buffer; text: string }>()
  private readonly names = new Map<Buffer, string>()
  private readonly parameters: Emitted['parameters']
  private readonly offsets: Map<Buffer, number>
  private readonly sharing: Sharing

  constructor(
    private readonly program: Program,
    private readonly plan: Plan,
    private readonly prefix: string,
  ) {
    this.offsets = new Map(plan.offsets)
    this.sharing = new Sharing(timesOf(plan.steps).map(({ step }) => step))
    const states = variables('s_')
    const inputs = variables('in_')
    const outputs = variables('out_')
    const parameter =
      (variable: (name: string) => string) =>
      (buffer: Buffer): Parameter => ({ buffer, variable: variable(buffer.name) })
    this.parameters = {
      inputs: program.inputs.map(parameter(inputs)),
      outputs: program.outputs.map(parameter(outputs)),
      states: program.states.map(([state, output]) => ({ ...parameter(states)(state), output })),
    }
    for (const { buffer, variable } of [...this.parameters.inputs, ...this.parameters.outputs])
      this.names.set(buffer, variable)
    for (const { buffer, variable } of this.parameters.states) this.names.set(buffer, `state->${variable}`)
  }

  whole(): Emitted {
    const { prefix, program, plan } = this
    const calls = plan.steps.map((step) => this.call(step))
    const keep = program.states.map(([state, next]) => {
      const bytes = sizeOf(state.dims) * elementBytes(state.dtype)
      return `memcpy(${this.names.get(state)}, ${this.place(next, true)}, ${bytes});`
    })
    const body = [
      plan.offsets.size > 0 ? 'unsigned char *const m = arena;' : '(void)arena;',
      ...this.parameters.inputs
        .filter(({ buffer }) => !this.isRead(buffer))
        .map(({ variable }) => `(void)${variable};`),
      ...(program.states.length > 0 && !program.states.some(([state]) => this.isRead(state))
        ? ['(void)state;']
        : []),
      ...calls,
      ...keep,
    ].join('\n')
    const code = [
      `/* Made by Pare from an ONNX model. C99; no allocation, no globals but constant tables. */`,
      `#include "${prefix}.h"\n#include "${prefix}_weights.h"\n\n#include <math.h>\n#include <string.h>`,
      ...this.helpers,
      ...[...this.functions].map(([text, name]) => text.replace('@', name)),
      ...(program.states.length > 0
        ? [`void ${prefix}_reset(${prefix}_state *state)\n{\n  memset(state, 0, sizeof *state);\n}`]
        : []),
      `${this.prototype()}\n{\n${indent(body)}\n}`,
    ]
    const constants = [...this.constants.values()]
    const include = `#include "${prefix}_weights.h"\n\n#include <math.h>`
    return {
      header: this.header(),
      code: `${code.join('\n\n')}\n`,
      weightsHeader: guarded(
        `${prefix}_weights`,
        `#include <stdint.h>\n\n${constants.map(({ name, buffer }) => `extern const ${typeOf(buffer)} ${name}[${lengthOf(buffer)}];`).join('\n')}`,
      ),
      weights: `${[include, ...constants.map(({ text }) => text)].join('\n\n')}\n`,
      parameters: this.parameters,
      constantBytes: constants.reduce(
        (sum, { buffer }) => sum + lengthOf(buffer) * elementBytes(buffer.dtype),
        0,
      ),
      arenaBytes: plan.arenaBytes,
      stateBytes: program.states.reduce(
        (sum, [{ dims, dtype }]) => sum + sizeOf(dims) * elementBytes(dtype),
        0,
      ),
    }
  }

  private isRead(buffer: Buffer): boolean {
    const roots = this.plan.steps.flatMap(({ reads }) => reads.map(rootOf))
    return roots.includes(buffer) || this.program.states.some(([, next]) => rootOf(next) === buffer)
  }

  private prototype(): string {
    const { inputs, outputs } = this.parameters
    const list = [
      'void *arena',
      ...(this.program.states.length > 0 ? [`${this.prefix}_state *state`] : []),
      ...inputs.map(({ buffer, variable }) => `const ${typeOf(buffer)} *${variable}`),
      ...outputs.map(({ buffer, variable }) => `${typeOf(buffer)} *${variable}`),
    ]
    return `void ${this.prefix}_run(${list.join(', ')})`
  }

  private header(): string {
    const { prefix, plan, parameters } = this
    const upper = prefix.toUpperCase()
    const ports = [...parameters.inputs, ...parameters.outputs]
    const lines = ports.map(({ buffer, variable }) => {
      const size = `${upper}_${variable.toUpperCase()}_SIZE`
      return `/* ${variable}: ${comment(buffer.name)}, ${typeOf(buffer)} ${shape(buffer)} */\n#define ${size} ${sizeOf(buffer.dims)}`
    })
    const states = parameters.states.map(
      ({ buffer, variable }) =>
        `  ${typeOf(buffer)} ${variable}[${lengthOf(buffer)}]; /* ${shape(buffer)} */`,
    )
    return guarded(
      prefix,
      [
        '#include <stdint.h>',
        '#ifdef __cplusplus\nextern "C" {\n#endif',
        `/* Bytes of working memory. Give it an address that is a multiple of 8. */\n#define ${upper}_ARENA_BYTES ${plan.arenaBytes}`,
        ...lines,
        ...(states.length > 0
          ? [
              `/* Kept by the caller from one run to the next. */\ntypedef struct {\n${states.join('\n')}\n} ${prefix}_state;`,
              `/* Before the first run of a sequence. */\nvoid ${prefix}_reset(${prefix}_state *state);`,
            ]
          : []),
        `/* One sample. Nothing of it is kept; inputs and outputs must not overlap. */\n${this.prototype()};`,
        '#ifdef __cplusplus\n}\n#endif',
      ].join('\n\n'),
    )
  }

  private call(whole: Step): string {
    if (whole.patches) return this.loop(whole, whole.patches)
    const step = this.sharing.of(whole)
    for (const helper of step.helpers ?? []) this.helpers.add(helper)
    const operands = [
      ...step.reads.map((buffer, i) => ({
        type: `const ${typeOf(buffer)} *a${i}`,
        value: this.place(buffer, true),
      })),
      ...step.writes.map((buffer, i) => ({
        type: `${typeOf(buffer)} *y${i}`,
        value: this.place(buffer, false),
      })),
      ...(step.scratch ?? []).map((buffer, i) => ({
        type: `${typeOf(buffer)} *s${i}`,
        value: this.place(buffer, false),
      })),
      ...(step.params ?? []).map(([name, value]) => ({ type: `int32_t ${name}`, value: String(value) })),
      ...(step.floats ?? []).map(([name, value]) => ({
        type: `float ${name}`,
        value: literal('float32', value),
      })),
    ]
    const unused = operands
      .map(({ type }) => /\w+$/.exec(type)![0])
      .filter((name) => !new RegExp(`\\b${name}\\b`).test(step.body))
    const body = [...unused.map((name) => `(void)${name};`), step.body].join('\n')
    const text = `static void @(${operands.map(({ type }) => type).join(', ')})\n{\n${indent(body)}\n}`
    const known = this.functions.get(text)
    const name = known ?? `${step.op.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}_${this.functions.size}`
    if (!known) this.functions.set(text, name)
    return `/* ${comment(step.title)} */\n${name}(${operands.map(({ value }) => value).join(', ')});`
  }

  private loop({ title, scratch }: Step, { count, steps, offsets }: NonNullable<Step['patches']>): string {
    const from = this.offsets.get(scratch![0]!)!
    for (const [buffer, offset] of offsets) this.offsets.set(buffer, from + offset)
    const calls = steps.map((step) => this.call(step)).join('\n')
    return `/* ${comment(title)} */\nfor (int32_t patch = 0; patch < ${count}; patch++) {\n${indent(calls)}\n}`
  }

  /** An expression for the address of a buffer. */
  private place(buffer: Buffer, reads: boolean): string {
    const root = rootOf(buffer)
    if (root.place === 'constant') return this.constant(root)
    const offset = this.offsets.get(root)
    if (offset === undefined) return this.names.get(root)!
    return `(${reads ? 'const ' : ''}${typeOf(buffer)} *)(${reads ? 'const ' : ''}void *)(m + ${offset})`
  }

  private constant(buffer: Buffer): string {
    const known = this.names.get(buffer)
    if (known) return known
    const values = buffer.data!()
    const items = values.length > 0 ? values : [0]
    const declared = `${typeOf(buffer)} @[${lengthOf(buffer)}] = {${wrapped(items, buffer.dtype)}};`
    const same = this.constants.get(declared)
    const name = same?.name ?? `${this.prefix}_w${this.constants.size}`
    if (!same)
      this.constants.set(declared, {
        name,
        buffer,
        text: `/* ${comment(buffer.name)} ${shape(buffer)} */\nconst ${declared.replace('@', name)}`,
      })
    this.names.set(buffer, name)
    return name
  }
}

/** Values as literals in lines: one after the other, as a text for each of millions of weights takes gigabytes. */
function wrapped(values: ArrayLike<number | bigint>, dtype: DType): string {
  const lines: string[] = []
  let line = ''
  for (let i = 0; i < values.length; i++) {
    const item = literal(dtype, values[i]!)
    if (line.length + item.length > 110) {
      lines.push(line)
      line = ''
    }
    line += `${item},`
  }
  lines.push(line)
  return `\n${lines.join('\n')}\n`
}

const guarded = (name: string, body: string): string => {
  const guard = `${name.toUpperCase()}_H`
  return `#ifndef ${guard}\n#define ${guard}\n\n${body}\n\n#endif\n`
}
