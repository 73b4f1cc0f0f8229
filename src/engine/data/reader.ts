/** What every reader of a format is given and gives. */
import type { DataSpec } from '../../contract/dataset'
import type { Model, ValueInfo } from '../onnx'
import { sampleDims, type Port } from '../runtime/signature'
import type { Format } from './formats'
import type { Companions, Place } from './locate'
import type { GivenSplit } from './names'
import type { Source } from './source'
import type { Shares } from './splits'

export interface OpenOptions extends DataSpec {
  /** Where several forms of the data lie side by side; default: the most exact one. */
  format?: Format
  /** A CSV, TSV or JSON(L) file of labels for a flat folder of images or sounds. */
  labelFile?: string
  /** tokenizer.json for text; default: the one beside the data. */
  tokenizer?: string
  /** Decides the splits that are made. Default 0. */
  seed?: number
  /** Sizes of the splits that are made; default: see splits.ts. */
  shares?: Shares
  signal?: AbortSignal
  /** Called while a large file is read. `done` is a fraction of 1. */
  progress?: (done: number, message: string) => void
  /** For what does not fit into memory; default: the system's. */
  temporaryFolder?: string
}

/** An input as samples are held: the first axis counts them. */
export interface SampleInput extends ValueInfo {
  /** The output that is fed back to it: without data it starts at zero. */
  state?: string
  /** Where the samples lie in arrays laid out as the model takes them. */
  batchAxis: number | null
}

export const sampleInput = (port: Port): SampleInput => ({ ...port, dims: [null, ...sampleDims(port)] })

export interface ReaderContext {
  model: Model
  /** Inputs to be fed, their samples along the first axis whatever axis the model has them on. */
  inputs: readonly SampleInput[]
  companions: Companions
  options: OpenOptions
}

/** A source, with its split where the file itself names one. */
export interface Opened {
  split?: GivenSplit
  source: Source
}

export type Reader = (place: Place, context: ReaderContext) => Promise<Opened[]>
