/** The registry of methods that choose codes by blocks: one line each, by the name that people ask for. */
import { binary } from './binary'
import type { GridMethod } from './grid'
import { hqq } from './hqq'
import { mse } from './mse'
import { rtn } from './rtn'
import { ternary } from './ternary'

export const GRIDS = { hqq, mse, rtn, ternary, binary } as const satisfies Record<string, GridMethod>

export type GridName = keyof typeof GRIDS

export const GRID_NAMES = Object.keys(GRIDS) as GridName[]

export const isGrid = (method: string): method is GridName => Object.hasOwn(GRIDS, method)
