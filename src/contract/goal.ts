/** What a user asks for. */
import { z } from 'zod'
import { Recipe } from './recipe'

export const TARGETS = ['any', 'android-cpu', 'android-npu', 'ios', 'raspberry-pi'] as const
export type Target = (typeof TARGETS)[number]

export const SearchGoal = z.strictObject({
  kind: z.literal('search'),
  /** Most quality that may be lost, in points (1 = one percentage point of accuracy). */
  maxDrop: z.number().min(0).max(100).default(1),
  maxBytes: z.number().positive().optional(),
  /** Latency at most this share of the original's. */
  maxLatency: z.number().positive().optional(),
  target: z.enum(TARGETS).default('any'),
  minutes: z
    .number()
    .positive()
    .max(24 * 60)
    .default(30),
})

const PresetGoal = z.strictObject({
  kind: z.literal('preset'),
  preset: z.enum(['safe', 'balanced', 'smallest', 'fastest']),
})

const RecipeGoal = z.strictObject({ kind: z.literal('recipe'), recipe: Recipe })

export const Goal = z.discriminatedUnion('kind', [SearchGoal, PresetGoal, RecipeGoal])
export type Goal = z.output<typeof Goal>
export type SearchGoal = z.output<typeof SearchGoal>
