/** What `predict` says of a sample, the same in every language; each writes it down its own way. */
import type { SnippetContext } from './context'

export type Decision = { words: string } & (
  | { kind: 'named'; label: string }
  | { kind: 'highest' }
  /** Of labels any of which may hold, those above the threshold. */
  | { kind: 'held'; threshold: number }
  /** Of two labels and one score the second above the threshold, else the first. */
  | { kind: 'second'; threshold: number }
  /** Whether something happens: from the threshold on. */
  | { kind: 'happens'; threshold: number }
)

export type Of<K extends Decision['kind']> = Extract<Decision, { kind: K }>

/** Written down by a language that has a way for every kind. */
export const written = <T>(
  decision: Decision,
  ways: { [K in Decision['kind']]: (decision: Of<K>) => T },
): T => (ways[decision.kind] as (decision: Decision) => T)(decision)

/** Undefined where an answer is no more than its numbers, or a text. */
export function decisionOf({
  classes,
  several,
  threshold,
  label,
  labels,
  text,
}: SnippetContext): Decision | undefined {
  if (text) return undefined
  if (label !== undefined)
    return { kind: 'named', label, words: 'The name of the class: the model looks it up itself' }
  if (threshold !== undefined) {
    if (several && labels)
      return { kind: 'held', threshold, words: 'The names of the labels that hold for the sample' }
    return labels
      ? { kind: 'second', threshold, words: 'The name of the class of the sample' }
      : { kind: 'happens', threshold, words: 'Whether it happens in the sample' }
  }
  return classes && labels ? { kind: 'highest', words: 'The name of the class of the sample' } : undefined
}

/** It is told by names of labels.txt. */
export const readsLabels = (decision: Decision | undefined): boolean =>
  decision !== undefined && decision.kind !== 'named' && decision.kind !== 'happens'
