/** What the page of a sample draws of a model's answer: a kind a way of drawing, each one component of the window. */

/** The strongest classes or the first numbers of an output, and a picture (data URL) where the output is one. */
export interface NumbersView {
  kind: 'numbers'
  values: { name: string; value: number }[]
  /** Values are how sure the model is, from 0 to 1. */
  sure: boolean
  image?: string
}

export type SampleView = NumbersView
export type ViewOf<Kind extends SampleView['kind']> = Extract<SampleView, { kind: Kind }>
