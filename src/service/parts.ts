/** What the methods of the contract are answered with, and by what. */
import type { AppInfo, MethodName, MethodOutput, MethodParsed } from '../contract/app'
import type { Core } from './core'
import type { Exports } from './exports'
import type { Loader } from './loading'
import type { Catalogue } from './recipes'
import type { Runs } from './runs'
import type { Sittings } from './sittings'
import type { ViewSources } from './view'

export type Handlers = {
  [M in MethodName]: (input: MethodParsed<M>) => Promise<MethodOutput<M>> | MethodOutput<M>
}

export interface Parts {
  core: Core
  loader: Loader
  runs: Runs
  sittings: Sittings
  exports: Exports
  catalogue: Catalogue
  sources: ViewSources
  about: { version: string; licences: string; shell: AppInfo['shell'] }
}
