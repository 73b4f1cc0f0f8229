/** What the parts of this room need of whoever uses them: an engine to ask, and somewhere to say things. */
import type { Doubt } from '../contract/dataset'
import type { JobEvent, JobInput, JobName, JobOutput } from '../service'

export interface Work {
  /** Rejects with a PareError. `during`: as it stands in a sentence, 'reading the model'. */
  run<J extends JobName>(
    job: J,
    input: JobInput<J>,
    during: string,
    onEvent?: (event: JobEvent) => void,
  ): Promise<JobOutput<J>>
  /** One plain sentence to know. */
  say(text: string): void
  /** There is reason to doubt what is measured. */
  doubt(doubts: readonly Doubt[]): void
}

export type DataReference = JobInput<'openData'>['data']
export type EngineSettings = JobInput<'openData'>['settings']

export interface Device {
  /** What runs the model: cpu (default), webgpu, dml, coreml. */
  provider?: string
  /** Threads within an operator; 0 (default) = all cores. */
  threads?: number
}

export const engineSettings = ({ provider = 'cpu', threads = 0 }: Device): EngineSettings => ({
  providers: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
  threads,
})

export const WITHOUT_DATA =
  'No data was given: inputs are random, and only the likeness to the original is measured. Give --data for quality.'
