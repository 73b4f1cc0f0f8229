import type { Component } from 'svelte'
import type { StepId } from '../../contract/actions'
import CompareStep from './compare/CompareStep.svelte'
import CompressStep from './compress/CompressStep.svelte'
import DataStep from './data/DataStep.svelte'
import ExportStep from './export/ExportStep.svelte'
import GoalStep from './goal/GoalStep.svelte'
import ModelStep from './model/ModelStep.svelte'

export const STEPS: Record<StepId, Component> = {
  model: ModelStep,
  data: DataStep,
  goal: GoalStep,
  compress: CompressStep,
  compare: CompareStep,
  export: ExportStep,
}
