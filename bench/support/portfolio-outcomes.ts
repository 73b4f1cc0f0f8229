/** What candidates for the portfolio gave on each model, kept beside the bench: a fit needs not measure all models anew. */
import fs from 'node:fs'
import { z } from 'zod'
import { writeText } from '../../src/disk/write'
import type { Outcome, Outcomes } from './fit-portfolio'

const FILE = z.record(
  z.string(),
  z.object({
    /** ISO 8601. */
    measured: z.string(),
    /** By the key of the recipe. */
    recipes: z.record(
      z.string(),
      z.object({ name: z.string(), share: z.number(), pointsLost: z.number(), seconds: z.number() }),
    ),
  }),
)
type Stored = z.infer<typeof FILE>

const read = (file: string): Stored =>
  fs.existsSync(file) ? FILE.parse(JSON.parse(fs.readFileSync(file, 'utf8'))) : {}

/** Those of `keys`: what was a candidate once and is none now says nothing. */
export function storedOutcomes(file: string, keys: ReadonlySet<string>): Map<string, Map<string, Outcome>> {
  return new Map(
    Object.entries(read(file)).map(([model, { recipes }]) => [
      model,
      new Map(Object.entries(recipes).filter(([key]) => keys.has(key))),
    ]),
  )
}

/** Models that were measured now take the place of what was stored of them; the others stay. */
export function storeOutcomes(
  file: string,
  outcomes: Outcomes,
  { nameOf, measured }: { nameOf: (key: string) => string; measured: string },
): void {
  const recipesOf = (of: ReadonlyMap<string, Outcome>): Stored[string]['recipes'] =>
    Object.fromEntries(
      [...of].map(([key, { share, pointsLost, seconds }]) => [
        key,
        {
          name: nameOf(key),
          share: Number(share.toPrecision(4)),
          pointsLost: Number(pointsLost.toFixed(3)),
          seconds: Number(seconds.toFixed(1)),
        },
      ]),
    )
  const added = [...outcomes].map(([model, of]) => [model, { measured, recipes: recipesOf(of) }] as const)
  const all: Stored = { ...read(file), ...Object.fromEntries(added) }
  const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeText(file, `${JSON.stringify(sorted, null, 2)}\n`)
}
