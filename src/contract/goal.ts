/** What a user asks for. */
import { z } from 'zod'
import { Recipe } from './recipe'

/** Id of what the result is for; the engine knows which there are. */
const target = z.string().min(1).max(100).default('any')

export const SearchGoal = z.strictObject({
  kind: z.literal('search'),
  /** Most quality that may be lost, in points (1 = one percentage point of accuracy). */
  maxDrop: z.number().min(0).max(100).default(1),
  maxBytes: z.number().positive().optional(),
  /** Latency at most this share of the original's. */
  maxLatency: z.number().positive().optional(),
  /** Bytes of code and constants on a microcontroller; what its chip has is a limit anyway. */
  maxFlash: z.number().positive().optional(),
  /** Bytes of working memory there, likewise. */
  maxRam: z.number().positive().optional(),
  target,
  minutes: z
    .number()
    .positive()
    .max(24 * 60)
    .default(30),
})

const PresetGoal = z.strictObject({
  kind: z.literal('preset'),
  preset: z.enum(['safe', 'balanced', 'smallest', 'fastest']),
  target,
})

const RecipeGoal = z.strictObject({ kind: z.literal('recipe'), recipe: Recipe, target })

export const Goal = z.discriminatedUnion('kind', [SearchGoal, PresetGoal, RecipeGoal])
export type Goal = z.output<typeof Goal>
export type SearchGoal = z.output<typeof SearchGoal>
