/** The registry of passes: one line a pass. */
import { PareError } from '../../contract/errors'
import type { PassDescription } from '../../contract/passes'
import { float16 } from './float16'
import type { Pass } from './pass'
import { quantizeDynamic } from './quantize-dynamic'
import { quantizeStatic } from './quantize-static'
import { quantizeWeights } from './quantize-weights'
import { simplifyPass } from './simplify'

export const PASSES: readonly Pass[] = [simplifyPass, float16, quantizeDynamic, quantizeStatic, quantizeWeights]

export function findPass(id: string): Pass {
  const pass = PASSES.find((candidate) => candidate.id === id)
  if (!pass) throw new PareError('pass/unknown', { pass: id, known: PASSES.map((p) => p.id) })
  return pass
}

export const describePasses = (): PassDescription[] => PASSES.map((pass) => pass.description)
