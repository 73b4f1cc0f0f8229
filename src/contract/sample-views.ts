/** What the page of a sample draws of a model's answer: a kind a way of drawing, each one component of the window. */

/** The strongest classes or the first numbers of an output, and a picture (data URL) where the output is one. */
interface NumbersView {
  kind: 'numbers'
  values: { name: string; value: number }[]
  /** Values are how sure the model is, from 0 to 1. */
  sure: boolean
  image?: string
}

/** Sides as shares of the picture, from its upper left corner. */
export interface ShownBox {
  left: number
  top: number
  right: number
  bottom: number
  name: string
  /** How sure the model is; absent on boxes that are labels. */
  score?: number
  /** Whether it covers a box of the labels by half; absent on those. */
  matches?: boolean
}

/** Boxes on the picture: what the model found, and what is there. */
export interface BoxView {
  kind: 'boxes'
  found: ShownBox[]
  truth: ShownBox[]
}

/** A picture (data URL, mostly transparent) of the model's mask and of the labels', to lie over the sample. */
interface MaskView {
  kind: 'masks'
  mask: string
  truth: string
  legend: { name: string; colour: string }[]
}

export type SampleView = NumbersView | BoxView | MaskView
export type ViewOf<Kind extends SampleView['kind']> = Extract<SampleView, { kind: Kind }>
