/** What the page of a sample draws of a model's answer: a kind a way of drawing, each one component of the window. */
import type { SamplePreview } from './dataset'

/** The strongest classes or the first numbers of an output, and a picture (data URL) where the output is one. */
export interface NumbersView {
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
export interface MaskView {
  kind: 'masks'
  mask: string
  truth: string
  legend: { name: string; colour: string }[]
}

/** A stretch of a text, and what it is said to be: the name of an entity. */
export interface TextPart {
  text: string
  mark?: string
  /** Not as it is in the other text. */
  wrong?: boolean
}

/** A text as the model has it, and as it is. */
export interface TextView {
  kind: 'text'
  parts: TextPart[]
  truth: TextPart[]
}

/** One score a step of a clip, from 0 to 1, and where it should be high. */
export interface EventView {
  kind: 'events'
  scores: number[]
  /** 1 where something happens. */
  truth: number[]
  threshold: number
  /** Step that the sample is. */
  at: number
  /** Lowest and highest value of a sound or signal by stretches of the clip, from −1 to 1, where the input is one. */
  wave?: [low: number, high: number][]
}

/** Places as shares of the picture; null is not labelled. */
export interface ShownPose {
  points: ({ x: number; y: number } | null)[]
  /** How sure the model is, and how near to what is labelled (OKS); absent on poses that are labels. */
  score?: number
  near?: number
}

/** Keypoints on the picture: what the model found, and what is there. */
export interface PoseView {
  kind: 'poses'
  found: ShownPose[]
  truth: ShownPose[]
}

export interface Neighbour extends Pick<SamplePreview, 'index' | 'title' | 'thumbnail' | 'text'> {
  /** Cosine of both vectors. */
  likeness: number
  /** Place in the original's own list, from 1 on; absent there. */
  was?: number
  /** What the labels call it, and whether they call the sample the same. */
  label?: string
  same?: boolean
}

/** Other samples, the most alike first. */
export interface NeighbourView {
  kind: 'neighbours'
  found: Neighbour[]
  /** How many were compared. */
  among: number
}

export type SampleView = NumbersView | BoxView | PoseView | MaskView | TextView | EventView | NeighbourView
export type ViewOf<Kind extends SampleView['kind']> = Extract<SampleView, { kind: Kind }>
