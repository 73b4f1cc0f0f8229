import type { SampleDetail } from '../../../../contract/compare'
import type { SampleView, ViewOf } from '../../../../contract/sample-views'

export interface ViewProps<K extends SampleView['kind']> {
  detail: SampleDetail
  /** The original's first, which has no slot; by its slot a candidate has its colour and mark. */
  outputs: { name: string; slot?: number; view: ViewOf<K> }[]
}
