/**
 * What a model can be made for. A target is declared once; what passes do for it, estimates of its latency, checks
 * and form of its bundle, the window's choices, the command line's help and docs/targets.md come from the declaration.
 */
import { z } from 'zod'
import type { TargetCheck } from '../../contract/project'
import type { TargetDescription } from '../../contract/targets'
import type { Model, Node } from '../onnx'
import type { TracedValue } from '../runtime/trace'
import { Board, deviceOf } from './board'
import { Device } from './device'

export type Traced = ReadonlyMap<string, TracedValue>

/** Looks at a model; `traced` are its shapes at one sample. */
export type Check = (model: Model, traced: Traced) => TargetCheck[]

export type NodeTest = (node: Node) => boolean

const isFunction = (value: unknown): boolean => typeof value === 'function'
const sentence = z.string().min(1)
const name = z.string().regex(/^[a-z][a-z0-9-]*$/)
/** Names of operators, with their domain where it is not ONNX's own. */
const operators = z.string().transform((text): ReadonlySet<string> => new Set(text.trim().split(/\s+/)))

const Provider = z.strictObject({
  name: sentence,
  operators,
  /** Convolutions and pools it takes, by spatial dimensions. */
  spatial: z.array(z.int().positive()).min(1),
  /** Operators taken together with the Q/DQ around them; absent where Q/DQ are operators like others. */
  quantized: operators.optional(),
  /** What to do with what it does not take. */
  advice: sentence,
})
export type Provider = z.output<typeof Provider>

const Int8 = z.strictObject({
  /** 7 keeps codes within ±63, for machines that add two products of bytes in 16 bits. */
  weightBits: z.union([z.literal(7), z.literal(8)]),
  /** Why weights have fewer bits. */
  because: sentence.optional(),
  /** Nodes with integers that its accelerator leaves to the CPU, and what to do about them. */
  leaves: z.strictObject({ nodes: z.custom<NodeTest>(isFunction), message: sentence }).optional(),
  /** What the summary of static quantization adds. */
  note: sentence.optional(),
})

const Declaration = z.strictObject({
  id: name,
  /** Short names that the command line takes too. */
  aliases: z.array(name).default([]),
  title: sentence,
  detail: sentence,
  /** What computes there. */
  runtime: sentence,
  /** What takes nodes from the graph before the CPU does. */
  provider: Provider.optional(),
  /** Absent where latency is measured, as the model runs here. */
  device: Device.optional(),
  /** A microcontroller; its speed, where it has one, is its device. */
  board: Board.optional(),
  int8: Int8,
  /**
   * True where com.microsoft operators run, so that weights of few bits stay packed in memory. Where an accelerator
   * knows none of them each would cut its part of the model in two, and weights are restored at load by plain operators.
   */
  keepsPacked: z.boolean(),
  /** It wants every input shape known beforehand. */
  fixedShapes: z.boolean().default(false),
  /** Ids of the export forms of its bundle. */
  forms: z.array(z.string()).min(1),
  /** How far the graph may be optimized before: providers that take nodes from it want operators unfused. */
  optimization: z.enum(['basic', 'extended']),
  checks: z.array(z.custom<Check>(isFunction)).default([]),
  sources: z.array(sentence).min(1),
})

export interface Target extends Readonly<z.output<typeof Declaration>> {
  readonly description: TargetDescription
}

/** The target with a model that is to take so many bytes of RAM at the most, where it is a microcontroller. */
export const withRam = (target: Target, maxRamBytes?: number): Target =>
  target.board && maxRamBytes !== undefined ? { ...target, board: { ...target.board, maxRamBytes } } : target

function doneFor({ board, fixedShapes, keepsPacked }: z.output<typeof Declaration>): string {
  if (board) return 'Pare writes C99 and counts flash and RAM.'
  const weights = keepsPacked
    ? 'keeps weights of few bits packed in memory'
    : 'restores packed weights by plain operators'
  return `Pare ${fixedShapes ? 'fixes every input shape and ' : ''}${weights}.`
}

/** Throws a ZodError where the declaration is not whole. */
export function defineTarget(declaration: z.input<typeof Declaration>): Target {
  const parsed = Declaration.parse(declaration)
  const { id, aliases, title, detail, runtime, board, sources } = parsed
  const device = parsed.device ?? (board && deviceOf(board, sources.join('; ')))
  const description = {
    id,
    aliases,
    title,
    detail,
    does: doneFor(parsed),
    runtime,
    estimated: device !== undefined,
    ...(board && { board: { flashBytes: board.flashBytes, ramBytes: board.ramBytes } }),
    sources,
  }
  return { ...parsed, ...(device && { device }), description }
}
