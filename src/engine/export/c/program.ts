/** A model lowered to steps over tensors of known shape: what the planner places and the emitter writes. */
import { sizeOf, type DType } from '../../onnx'
import { elementBytes } from './types'

/** A tensor of the program. */
export interface Buffer {
  /** For comments; any text. */
  name: string
  dtype: DType
  dims: readonly number[]
  /**
   * Where it lies: fed by the caller, handed to the caller, constant, in the arena, or kept by the caller from one run
   * to the next.
   */
  place: 'input' | 'output' | 'constant' | 'arena' | 'state'
  /** Elements of a constant. */
  data?(): ArrayLike<number | bigint>
  /** Another view of the same elements: it takes no room and no step makes it. */
  of?: Buffer
}

export interface Step {
  /** Node and operator, for comments. */
  title: string
  /** Operator, for the name of the function. */
  op: string
  /** Called a0, a1, … in the body. */
  reads: readonly Buffer[]
  /** Called y0, y1, … */
  writes: readonly Buffer[]
  /** Called s0, s1, …: places in the arena that hold nothing before and after. */
  scratch?: readonly Buffer[]
  /** Integers, or expressions of one, handed over by the names they have in the body, so that steps can share a function. */
  params?: readonly (readonly [name: string, value: number | string])[]
  /** Floats likewise. */
  floats?: readonly (readonly [name: string, value: number])[]
  /** Statements of C. */
  body: string
  /** Functions that the body calls, each whole; equal ones are written once. */
  helpers?: readonly string[]
  /** Reads whose place y0 may take over: each element is read before it is written, and never afterwards. */
  inPlace?: readonly number[]
  /** Multiply-accumulates. */
  macs?: number
  /** With the statements of a pool behind it, which read `plane` and write at `out`: channel by channel, so that what it gives never lies in the arena as a whole. */
  pooled?(pool: Pooling): Pick<Step, 'body' | 'scratch'>
  /** Steps that run so many times, by a counter `patch`, in the place of a body; their buffers lie at offsets of the scratch. */
  patches?: { count: number; steps: readonly Step[]; offsets: ReadonlyMap<Buffer, number> }
}

/** Steps as they are run, each with how often. */
export const timesOf = (steps: readonly Step[]): { step: Step; times: number }[] =>
  steps.flatMap((step) =>
    step.patches
      ? step.patches.steps.map((one) => ({ step: one, times: step.patches!.count }))
      : [{ step, times: 1 }],
  )

/** A pool of one channel. */
export interface Pooling {
  body: string
  /** C type of elements, and how many of them it gives. */
  type: string
  size: number
}

export interface Program {
  inputs: Buffer[]
  outputs: Buffer[]
  /** [read at the start of a run, what it becomes at the end]. */
  states: (readonly [Buffer, Buffer])[]
  steps: Step[]
}

export const bytesOf = ({ dtype, dims }: Buffer): number => sizeOf(dims) * elementBytes(dtype)

/** The buffer whose bytes a view shows. */
export function rootOf(buffer: Buffer): Buffer {
  let root = buffer
  while (root.of) root = root.of
  return root
}
