import type { SampleDetail } from '../../../../contract/compare'
import type { SampleView, ViewOf } from '../../../../contract/sample-views'

export interface ViewProps<K extends SampleView['kind']> {
  detail: SampleDetail
  /** The original's first. */
  outputs: { name: string; view: ViewOf<K> }[]
}
