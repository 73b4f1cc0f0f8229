/** Candidates of runs, by the ids the window knows. */
import path from 'node:path'
import { PareError } from '../contract/errors'
import type { Core } from './core'
import type { CandidateRecord, RunRecord } from './records'
import { splitCandidateId } from './view'

/** A candidate by its id. Throws `not-found`. */
export function candidateOf(
  store: Core['store'],
  id: string,
): { run: RunRecord; candidate: CandidateRecord } {
  const { run, n } = splitCandidateId(id)
  const record = store.run(run)
  const candidate = record.candidates.find((one) => one.n === n)
  if (!candidate) throw new PareError('not-found', { what: 'candidate', id })
  return { run: record, candidate }
}

/** Path of a candidate's model. */
export const candidateModel = (store: Core['store'], id: string): string =>
  path.join(candidateOf(store, id).candidate.folder, 'model.onnx')
