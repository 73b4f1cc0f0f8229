/** One colour and one mark for every candidate on show, the same in every step, chart and table. */

/** By slot: the candidate that has it. */
export type Slots = readonly (string | undefined)[]

/** As many as can be compared at once, and as there are colours that everybody can tell apart. */
export const MOST_SLOTS = 3

/** Who stays on show keeps its slot, whoever else comes or goes; who comes takes the first that is free. */
export function keepSlots(before: Slots, shown: readonly string[]): Slots {
  const slots = Array.from({ length: MOST_SLOTS }, (_, at) =>
    shown.includes(before[at] ?? '') ? before[at] : undefined,
  )
  for (const id of shown) {
    const free = slots.indexOf(undefined)
    if (!slots.includes(id) && free >= 0) slots[free] = id
  }
  return slots
}

/** The mark beside the colour, by slot: chart.js knows these names, `ui/Mark.svelte` draws them. */
export const SLOT_SHAPES = ['circle', 'rect', 'triangle'] as const

export const slotColour = (slot: number | undefined): string =>
  slot === undefined ? 'var(--line-strong)' : `var(--candidate-${slot + 1})`
