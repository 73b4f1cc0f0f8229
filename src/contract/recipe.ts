/** A recipe: an ordered list of passes with parameters, as people keep, share and diff it. */
import { z } from 'zod'
import { Plain } from './plain'

/** @hidden */
export const RecipeStep = z.strictObject({
  pass: z.string().min(1),
  params: z.record(z.string(), Plain).default({}),
})

/** @hidden */
export const Recipe = z.strictObject({
  /** Version of this format. */
  pare: z.literal(1).default(1),
  name: z.string().min(1).max(200),
  description: z.string().max(2000).default(''),
  steps: z.array(RecipeStep).max(64),
})

/** A pass, by its id, with what it is given. @useDeclaredType */
export type RecipeStep = z.output<typeof RecipeStep>
/** An ordered list of passes with parameters. @useDeclaredType */
export type Recipe = z.output<typeof Recipe>

/** A recipe that ships with Pare. */
export interface Preset extends Recipe {
  id: 'safe' | 'balanced' | 'smallest' | 'fastest'
  /** What it usually costs, in one plain sentence. */
  cost: string
}
