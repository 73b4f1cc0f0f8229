/** The registry of layouts: the first that fits is taken, the most telling ones first. */
import { PareError } from '../../../contract/errors'
import type { Values } from '../../runtime/value'
import { blazeFace, fastestDet } from './grids'
import type { BoxLayout, Decoding, Seen } from './layout'
import { detr, ssd } from './pairs'
import { separateEnd, yoloEnd } from './suppressed'
import { yolov5, yolov8 } from './yolo'

const LAYOUTS: readonly BoxLayout[] = [yoloEnd, separateEnd, detr, ssd, blazeFace, fastestDet, yolov8, yolov5]

export const layoutNamed = (id: string): BoxLayout | undefined => LAYOUTS.find((layout) => layout.id === id)

/** How boxes lie in the outputs, as `told` or as it looks. Throws `data/boxes-unknown`. */
export function decodingOf(outputs: Values, seen: Seen, told?: string): Decoding {
  for (const layout of LAYOUTS) {
    if (told !== undefined && layout.id !== told) continue
    const found = layout.match(outputs, seen, told !== undefined)
    if (found) return { layout: layout.id, ...found }
  }
  throw new PareError('data/boxes-unknown', {
    outputs: Object.entries(outputs)
      .map(([name, { dims }]) => `${name} [${dims.join(', ')}]`)
      .join('; '),
    classes: seen.classes,
    known: LAYOUTS.map(({ id, looks }) => `${id} (${looks})`),
    ...(told !== undefined && { told }),
  })
}
