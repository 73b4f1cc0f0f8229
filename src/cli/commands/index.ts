/** Every command, in the order of the help. */
import type { AddCommand } from '../command'
import { addCombine } from './combine'
import { addCompare } from './compare'
import { addCompletion } from './completion'
import { addCompress } from './compress'
import { addData } from './data'
import { addEvaluate } from './evaluate'
import { addExport } from './export'
import { addInspect } from './inspect'
import { addPasses } from './passes'
import { addPresets } from './presets'
import { addSample } from './sample'
import { addSearch } from './search'
import { addSensitivity } from './sensitivity'
import { addTargets } from './targets'
import { addVerify } from './verify'
import { addWindow } from './window'

export const COMMANDS: readonly AddCommand[] = [
  addInspect,
  addPasses,
  addPresets,
  addTargets,
  addData,
  addEvaluate,
  addCompress,
  addCompare,
  addCombine,
  addExport,
  addVerify,
  addSearch,
  addSensitivity,
  addSample,
  addWindow,
  addCompletion,
]
