/** Lays a graph out off the main thread; ended by terminating the worker. */
import { lay } from './layered'
import type { LayoutInput } from './layout'

onmessage = ({ data }: MessageEvent<LayoutInput>): void => {
  postMessage(lay(data))
}
