/** What written C takes on a board: flash, RAM and time. */
import { sizeOf } from '../../onnx'
import type { Footprint } from '../../../contract/report'
import type { Board } from '../../targets/board'
import { codeSize } from './code-size'
import type { Emitted } from './emit'
import type { Generated } from './generate'
import { timesOf } from './program'
import { elementBytes } from './types'

const bytesOfPorts = ({ parameters: { inputs, outputs } }: Emitted): number =>
  [...inputs, ...outputs].reduce(
    (sum, { buffer }) => sum + sizeOf(buffer.dims) * elementBytes(buffer.dtype),
    0,
  )

/** Between codes layers sum in integers; everything else multiplies floats. */
const isInteger = (step: Generated['program']['steps'][number]): boolean => /_int(_pool)?$/.test(step.op)

export function footprintOf(
  made: Generated,
  board: Board,
): Omit<Extract<Footprint, { flashBytes: number }>, 'target'> {
  const { constantBytes, arenaBytes, stateBytes, program } = made
  const { codeBytes, stackBytes, source } = codeSize(made, board.compiler)
  const { cyclesPerMac, clockHz, flashBytes: flash, ramBytes: ram } = board
  const cycles =
    cyclesPerMac &&
    timesOf(program.steps).reduce(
      (sum, { step, times }) =>
        sum + times * (step.macs ?? 0) * (isInteger(step) ? cyclesPerMac.int8 : cyclesPerMac.float32),
      0,
    )
  return {
    flashBytes: constantBytes + codeBytes,
    ramBytes: arenaBytes + stateBytes + bytesOfPorts(made) + (stackBytes ?? 0),
    constantBytes,
    arenaBytes,
    ...(stackBytes !== undefined && { stackBytes }),
    ...(cycles !== undefined && clockHz !== undefined && { milliseconds: (1000 * cycles) / clockHz }),
    source,
    ...((flash !== undefined || ram !== undefined) && { has: { flashBytes: flash, ramBytes: ram } }),
  }
}
