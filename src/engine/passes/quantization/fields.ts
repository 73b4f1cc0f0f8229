/** Parameters that the quantizers share. */
import { z } from 'zod'

export const weightFields = {
  perChannel: z.boolean().default(true).meta({
    label: 'A scale per channel',
    help: 'Weights get one scale per output channel: more exact, a little larger.',
    advanced: true,
  }),
  weightClip: z
    .enum(['max', 'mse'])
    .default('max')
    .meta({
      label: 'Clip weights',
      help: '"mse" clips rare large weights where that lowers the squared error.',
      search: ['max', 'mse'],
      advanced: true,
    }),
}

export const exclude = z
  .array(z.string())
  .default([])
  .meta({ label: 'Keep in float', help: 'Names of layers that stay float.', advanced: true })

/** How much calibration data is looked at. */
export const samples = z
  .int()
  .min(1)
  .max(100_000)
  .default(128)
  .meta({ label: 'Calibration samples', help: 'At most this many are looked at.' })
