/** A device as the latency model sees it; see evaluate/target-latency. */
import { z } from 'zod'

export type ArithmeticType = 'int8' | 'float16' | 'float32'

const positive = z.number().positive()

export const Device = z.strictObject({
  /** Multiply-accumulates a second in float32. */
  macsPerSecond: positive,
  /** How much faster than that each type is. */
  speed: z.strictObject({ float32: positive, float16: positive, int8: positive }),
  bytesPerSecond: positive,
  /** Seconds spent on a node whatever it does. */
  overhead: positive,
  /** Where the figures come from, as it is shown beside every estimate. */
  source: z.string().min(1),
})
export type Device = z.output<typeof Device>

/** The kind of machine Pare runs on: relative figures that plan, never shown, because here time is measured. */
export const HOST_CPU = Device.parse({
  macsPerSecond: 20e9,
  speed: { float32: 1, float16: 0.9, int8: 2 },
  bytesPerSecond: 20e9,
  overhead: 4e-6,
  source: 'what fits the measured times of the reference models best on one x86 core; see docs/search.md',
})
