/** Damage inside JSON that stays JSON: values of other types, at the edges, missing, doubled, nested too deep. */
import type { Random } from '../../src/engine/math/random'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

const deep = (depth: number): Json => {
  let value: Json = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

const VALUES: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1e308,
  0.5,
  2 ** 53,
  '',
  '0',
  '../../..',
  '\u0000',
  '\u202eabc',
  'x'.repeat(10_000),
  [],
  {},
  deep(500),
  deep(5000),
  { toString: 1, valueOf: 1 },
  { __proto__: 1 },
  { constructor: { prototype: 1 } },
]

function mutate(value: Json, random: Random): Json {
  const isList = Array.isArray(value)
  const keys = value !== null && typeof value === 'object' ? Object.keys(value) : []
  if (keys.length === 0 || random.below(5) === 0) return VALUES[random.below(VALUES.length)]!
  const key = keys[random.below(keys.length)]!
  const entries = Object.entries(value as Record<string, Json>)
  const edited = entries.flatMap(([name, one]): [string, Json][] => {
    if (name !== key) return [[name, one]]
    switch (random.below(6)) {
      case 0:
        return []
      case 1:
        return [
          [name, one],
          [`${name}2`, one],
        ]
      default:
        return [[name, mutate(one, random)]]
    }
  })
  return isList ? edited.map(([, one]) => one) : Object.fromEntries(edited)
}

function mutated(text: string, random: Random): string | undefined {
  try {
    let value = JSON.parse(text) as Json
    for (let left = 1 + random.below(2); left > 0; left--) value = mutate(value, random)
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/**
 * The text with one or two values changed, in one of its lines where each is a text of its own; bytes that are no JSON
 * are given back as they are.
 */
export function mutateJson(bytes: Uint8Array, random: Random): Uint8Array {
  const text = Buffer.from(bytes).toString('utf8')
  const whole = mutated(text, random)
  if (whole !== undefined) return new Uint8Array(Buffer.from(whole))
  const lines = text.trimEnd().split('\n')
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(lines.length)
    lines[at] = mutated(lines[at]!, random) ?? lines[at]!
  }
  return new Uint8Array(Buffer.from(`${lines.join('\n')}\n`))
}
