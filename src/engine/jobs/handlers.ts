/** Every job of the engine process by its name. */
import { dataJobs } from './datasets'
import { exportJobs } from './exports'
import type { JobHandlers } from './job'
import { modelJobs } from './models'
import { operatorJobs } from './operators'
import { runJobs } from './runs'

export const HANDLERS: Partial<JobHandlers> = {
  ...modelJobs,
  ...dataJobs,
  ...runJobs,
  ...exportJobs,
  ...operatorJobs,
}
