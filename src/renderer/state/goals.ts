/** Goals in words. */
import type { Goal, SearchGoal } from '../../contract/goal'
import type { TargetDescription } from '../../contract/targets'
import { formatPoints, plural } from '../../contract/format'
import { bytes, duration } from '../lib/format'

export const PRESET_NAMES = {
  safe: 'Safe',
  balanced: 'Balanced',
  smallest: 'Smallest download',
  fastest: 'Fastest',
} as const

/** What "find the best for me" begins with: nobody waits for longer who did not ask for it. */
export const startGoal = (target: string): SearchGoal => ({ kind: 'search', maxDrop: 1, target, minutes: 10 })

/** On the button that starts it: what a search may take at most, and which preset it is that nobody has chosen yet. */
export function startText(goal: Goal | undefined, proposal: Goal | undefined): string {
  const one = goal ?? proposal
  if (one?.kind === 'search') return `Start compressing, up to ${duration(one.minutes * 60)}`
  return one?.kind === 'preset' && !goal
    ? `Start compressing: ${PRESET_NAMES[one.preset]}`
    : 'Start compressing'
}

export function goalLine(goal: Goal): string {
  if (goal.kind === 'preset') return PRESET_NAMES[goal.preset]
  if (goal.kind === 'recipe')
    return `${goal.recipe.name}: ${plural(goal.recipe.steps.length, 'pass', 'passes')}`
  const parts = [`lose at most ${formatPoints(goal.maxDrop)}`]
  if (goal.maxBytes) parts.push(`a file of at most ${bytes(goal.maxBytes)}`)
  if (goal.maxLatency) parts.push(`at most ${Math.round(goal.maxLatency * 100)}% of the time`)
  if (goal.maxFlash) parts.push(`at most ${bytes(goal.maxFlash)} of flash`)
  if (goal.maxRam) parts.push(`at most ${bytes(goal.maxRam)} of RAM`)
  return parts.join(', ')
}

/** The goal for another target: limits of flash and RAM go where there is no microcontroller. */
export function retargeted(goal: Goal, target: string, described: TargetDescription | undefined): Goal {
  if (goal.kind !== 'search' || described?.board) return { ...goal, target }
  const { maxFlash: _, maxRam: __, ...rest } = goal
  return { ...rest, target }
}
