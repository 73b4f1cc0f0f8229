/** Published times of one network on phones, from which the speeds of their processors follow. */
import { HOST_CPU } from './device'

export const TABLE = "MobileNet 1.0 224 in TensorFlow Lite's published benchmarks"

/** Multiply-accumulates a second of a device that takes so many milliseconds for one image: 569 million, arXiv:1704.04861, table 4. */
export const macsPerSecond = (milliseconds: number): number => 569e6 / (milliseconds / 1000)

/** What fits ONNX Runtime on an x86 core, taken over for phones: an assumption. */
export const OVERHEAD = HOST_CPU.overhead

/** Bytes a second of four 16-bit channels of LPDDR4X at 4266 MT/s. Source: JEDEC JESD209-4-1. */
export const LPDDR4X = 34.1e9
