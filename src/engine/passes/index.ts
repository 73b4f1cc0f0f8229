/** The registry of passes: one line a pass. */
import { PareError } from '../../contract/errors'
import type { PassDescription } from '../../contract/passes'
import { edgeTypesPass } from './edge-types'
import { equalize } from './equalize'
import { fixShapes } from './fix-shapes'
import { float16 } from './float16'
import { float64ToFloat32 } from './float64-to-float32'
import { freeBatchPass } from './free-batch'
import { keepBest } from './keep-best'
import { lowRankPass } from './low-rank'
import { mixedPrecision } from './mixed-precision'
import type { Pass } from './pass'
import { pruneChannels } from './prune-channels'
import { pruneWeights } from './prune-weights'
import { quantizeDynamic } from './quantize-dynamic'
import { quantizeStatic } from './quantize-static'
import { quantizeWeights } from './quantize-weights'
import { removeZipMap } from './remove-zipmap'
import { shareWeights } from './share-weights'
import { simplifyPass } from './simplify'
import { smoothQuant } from './smooth-quant'
import { adaround } from './adaround'
import { distill } from './distill'
import { fineTune } from './fine-tune'
import { packWeights } from './pack-weights'
import { pruneGradually } from './prune-gradually'
import { quantizeAware } from './quantize-aware'
import { trainedCodebook } from './trained-codebook'

const passes: Pass[] = [
  fixShapes,
  freeBatchPass,
  float64ToFloat32,
  edgeTypesPass,
  removeZipMap,
  simplifyPass,
  float16,
  equalize,
  smoothQuant,
  quantizeDynamic,
  quantizeStatic,
  quantizeWeights,
  shareWeights,
  mixedPrecision,
  pruneChannels,
  pruneWeights,
  pruneGradually,
  lowRankPass,
  fineTune,
  distill,
  trainedCodebook,
  quantizeAware,
  adaround,
  packWeights,
  keepBest,
]

export const PASSES: readonly Pass[] = passes

/** A pass of a plug-in, of an id that there is none of yet. */
export const addPass = (pass: Pass): void => void passes.push(pass)

export function findPass(id: string): Pass {
  const pass = PASSES.find((candidate) => candidate.id === id)
  if (!pass) throw new PareError('pass/unknown', { pass: id, known: PASSES.map((p) => p.id) })
  return pass
}

export const describePasses = (): PassDescription[] => PASSES.map((pass) => pass.description)
