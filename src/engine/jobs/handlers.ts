/** Every job of the engine process by its name. */
import { dataJobs } from './datasets'
import { exportJobs } from './exports'
import type { JobHandlers } from './job'
import { modelJobs } from './models'
import { compareJobs } from './comparing'
import { runJobs } from './runs'
import { searchJobs } from './search-jobs'

export const HANDLERS: JobHandlers = {
  ...modelJobs,
  ...dataJobs,
  ...runJobs,
  ...searchJobs,
  ...exportJobs,
  ...compareJobs,
}
