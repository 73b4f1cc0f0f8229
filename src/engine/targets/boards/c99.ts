/** What all microcontrollers have in common: no runtime, and C. */
import type { z } from 'zod'
import type { Board } from '../board'
import { defineTarget, type Target } from '../target'

type Declared = Pick<Target, 'id' | 'title' | 'detail'> & {
  aliases?: string[]
  board: z.input<typeof Board>
  sources: string[]
}

/** How cycles were found where no maker gives them; docs/microcontrollers.md has the counts. */
const COUNTED =
  'cycles of a multiply-accumulate: instructions of LeNet-5 as exported, by arm-none-eabi-gcc 12.2 -O2, counted in QEMU'
/** Their timings on the processor that the others are set against. */
const TIMINGS = 'Arm, Cortex-M4 Technical Reference Manual, table 3-1 (loads 2, taken branches 2 cycles)'

/** By how much a processor does more or less in a cycle than a Cortex-M4. */
export const byCoreMark = (score: string): string =>
  `CoreMark a megahertz: ${score}; Cortex-M4 3.42 (developer.arm.com)`

export const defineBoard = (declaration: Declared): Target =>
  defineTarget({
    ...declaration,
    runtime: 'C99, one sample a run',
    int8: { weightBits: 8 },
    // Whatever operators restore a weight, the sources hold its codes.
    keepsPacked: false,
    forms: ['c'],
    optimization: 'basic',
    sources: [...declaration.sources, COUNTED, TIMINGS],
  })
