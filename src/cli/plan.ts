/** `--dry-run`: what a recipe would do, estimated from one timed run of the model and the recipe's parameters. */
import type { RecipeStep } from '../contract/recipe'
import type { JobInput } from '../service'
import { bytes as bytesText, print, seconds as secondsText, table } from './output'
import type { Session } from './session'

interface Plan {
  recipe: string
  /** Estimates, of the right order. */
  seconds: number
  originalBytes: number
  bytes: number
  steps: (RecipeStep & { title: string; seconds: number; problems: string[] })[]
}

export async function planOf(session: Session, input: JobInput<'expect'>): Promise<Plan> {
  const { recipe } = input
  const passes = await session.run('passes', undefined, 'listing the passes')
  const problems = await session.run('checkRecipe', input, 'checking the recipe')
  const { seconds, originalBytes, bytes, steps } = await session.run('expect', input, 'timing the model')
  return {
    recipe: recipe.name,
    seconds,
    originalBytes,
    bytes,
    steps: recipe.steps.map((step, i) => ({
      ...step,
      title: passes.find(({ id }) => id === step.pass)?.title ?? step.pass,
      seconds: steps[i]!,
      problems: problems.filter((one) => one.step === i).map(({ message }) => message),
    })),
  }
}

export function printPlan(plan: Plan): void {
  const rows = plan.steps.map(({ pass, title, seconds: each }, i) => [
    `${i + 1}. ${pass}`,
    title,
    `about ${secondsText(each)}`,
  ])
  print(table(rows, 'left'))
  for (const { pass, problems } of plan.steps)
    for (const problem of problems) print(`warning: ${pass}: ${problem}`)
  print(
    `\nAbout ${secondsText(plan.seconds)} with measuring; ${bytesText(plan.originalBytes)} become about ${bytesText(plan.bytes)}. Estimates: nothing was made.`,
  )
}
