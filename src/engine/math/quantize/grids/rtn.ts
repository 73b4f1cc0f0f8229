import { defineGrid, rangeGrid, rangeOf } from './grid'

/** Round to nearest. */
export const rtn = defineGrid({
  words: 'spreads the codes over the whole range',
  grid: (part, options) => rangeGrid(rangeOf(part), 1, options),
})
