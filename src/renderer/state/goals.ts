/** Goals in words. */
import type { Goal, SearchGoal, Target } from '../../contract/goal'
import { plural } from '../../contract/format'
import { bytes, pointCount } from '../lib/format'

export const TARGET_NAMES: Record<Target, { title: string; detail: string }> = {
  any: { title: 'Any ONNX Runtime', detail: 'desktop, server, browser, wherever ONNX Runtime is' },
  'android-cpu': { title: 'Android, CPU', detail: 'XNNPACK or the plain CPU of the phone' },
  'android-npu': { title: 'Android, NPU', detail: 'NNAPI or QNN: fixed shapes, int8' },
  ios: { title: 'iPhone, iPad', detail: 'CoreML: float16 or float32, no int8 operators' },
  'raspberry-pi': { title: 'Raspberry Pi class', detail: 'small ARM boards, CPU only' },
}

export const PRESET_NAMES = {
  safe: 'Safe',
  balanced: 'Balanced',
  smallest: 'Smallest download',
  fastest: 'Fastest',
} as const

/** What "find the best for me" begins with. */
export const START_GOAL: SearchGoal = { kind: 'search', maxDrop: 1, target: 'any', minutes: 30 }

export function goalLine(goal: Goal): string {
  if (goal.kind === 'preset') return PRESET_NAMES[goal.preset]
  if (goal.kind === 'recipe')
    return `${goal.recipe.name}: ${plural(goal.recipe.steps.length, 'pass', 'passes')}`
  const parts = [`lose at most ${pointCount(goal.maxDrop)}`]
  if (goal.maxBytes) parts.push(`at most ${bytes(goal.maxBytes)}`)
  if (goal.maxLatency) parts.push(`at most ${Math.round(goal.maxLatency * 100)}% of the time`)
  return parts.join(', ')
}
