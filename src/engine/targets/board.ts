/** A microcontroller as a target: its memories, its speed, and what compiles for it. */
import { z } from 'zod'
import type { Device } from './device'

const positive = z.number().positive()

export const Board = z.strictObject({
  /** Absent where no chip is named: nothing is held against them. */
  flashBytes: z.int().positive().optional(),
  ramBytes: z.int().positive().optional(),
  /** What a model is to take of it, where a user asks for less. */
  maxRamBytes: positive.optional(),
  clockHz: positive.optional(),
  /** Processor cycles a multiply-accumulate of the exported C takes, all around it included. */
  cyclesPerMac: z.strictObject({ float32: positive, int8: positive }).optional(),
  /** Counts code and stack where it is installed. */
  compiler: z.strictObject({
    command: z.string().min(1),
    flags: z.array(z.string()),
    /** What it is told to link by; absent where nothing can be linked without files of the chip's maker. */
    linker: z.array(z.string()).optional(),
  }),
})
export type Board = z.output<typeof Board>

/** Bytes that a bus of 32 bits moves in a cycle. */
const WORD = 4
/** Cycles around a step: its call and what its loops begin with. */
const STEP_CYCLES = 100

/** The board as the latency model sees it, for times over the original's. */
export function deviceOf({ clockHz, cyclesPerMac }: Board, source: string): Device | undefined {
  if (!clockHz || !cyclesPerMac) return undefined
  const { float32, int8 } = cyclesPerMac
  return {
    macsPerSecond: clockHz / float32,
    // There are no halves in the exported C.
    speed: { float32: 1, float16: 1, int8: float32 / int8 },
    bytesPerSecond: clockHz * WORD,
    overhead: STEP_CYCLES / clockHz,
    source,
  }
}
