/** The registry: a target is a file and its line here. */
import { PareError } from '../../contract/errors'
import type { TargetDescription } from '../../contract/targets'
import { androidCpu } from './android-cpu'
import { androidNpu } from './android-npu'
import { any } from './any'
import { cortexM0plus } from './boards/cortex-m0plus'
import { cortexM4f } from './boards/cortex-m4f'
import { cortexM7 } from './boards/cortex-m7'
import { esp32c3 } from './boards/esp32-c3'
import { esp32s3 } from './boards/esp32-s3'
import { c } from './c'
import { ios } from './ios'
import { pcNoVnni } from './pc-no-vnni'
import { raspberryPi } from './raspberry-pi'
import type { Target } from './target'

const targets: Target[] = [
  any,
  androidCpu,
  androidNpu,
  ios,
  raspberryPi,
  pcNoVnni,
  c,
  cortexM0plus,
  cortexM4f,
  cortexM7,
  esp32s3,
  esp32c3,
]
export const TARGETS: readonly Target[] = targets

/** A target of a plug-in, of names that there are none of yet. */
export const addTarget = (target: Target): void => void targets.push(target)

/** By its id or a short name. Throws `target/unknown`. */
export function findTarget(name: string): Target {
  const target = TARGETS.find(({ id, aliases }) => id === name || aliases.includes(name))
  if (!target) throw new PareError('target/unknown', { target: name, known: TARGETS.map(({ id }) => id) })
  return target
}

/** Flash and RAM are asked of a target that has neither. */
export const noBoard = (target: string): PareError =>
  new PareError('limits/no-board', {
    target,
    known: TARGETS.filter(({ board }) => board).map(({ id }) => id),
  })

export const describeTargets = (): TargetDescription[] => TARGETS.map(({ description }) => description)
