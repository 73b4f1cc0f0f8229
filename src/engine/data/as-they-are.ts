/** What is learned where a plug-in's task is chosen: labels as the data has them, names as their position among the classes. */
import type { Task } from '../../contract/dataset'
import type { LabelFacts, TargetPlan } from './labels'

export function asTheyAre(
  facts: LabelFacts,
  task: Task,
): { task: Task; targets: TargetPlan; classes?: readonly string[]; reason: string } {
  const reason = 'chosen; a plug-in’s'
  if (facts.kind === 'none') return { task, targets: { kind: 'none' }, reason }
  if (facts.kind === 'numbers') return { task, targets: { kind: 'values', dims: facts.dims }, reason }
  const { names: classes, kind } = facts
  const targets: TargetPlan =
    kind === 'made' ? { kind, classes } : { kind: 'class', classes, offset: 0, byName: true }
  return { task, targets, ...(classes.length > 0 && { classes }), reason }
}
