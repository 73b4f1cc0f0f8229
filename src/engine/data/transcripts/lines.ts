/** How pictures of lines of text become inputs. */
import { imageSize } from '../image-decode'
import type { ImageOptions } from '../image-input'
import type { ReaderContext } from '../reader'

/** Lines that are looked at for the longest, and the widths of which a model that strides takes multiples. */
const LOOK = 512
const STEP = 32
/** The height that lines have in PaddleOCR, where the model leaves it open. */
const HEIGHT = 48

/** Encoded images by position. */
interface Lines {
  length: number
  load(index: number): Promise<string | Uint8Array>
}

/** As PaddleOCR has it: pixels from −1 to 1, every line as high as the input and the longest as wide. */
export async function lineOptions({ inputs }: ReaderContext, lines: Lines): Promise<Partial<ImageOptions>> {
  const usual: Partial<ImageOptions> = {
    resize: 'letterbox',
    cropRatio: 1,
    scale: 1 / 255,
    mean: [0.5],
    std: [0.5],
  }
  const dims = inputs.find(({ state }) => state === undefined)?.dims ?? []
  const [high, wide] = [dims.at(-2), dims.at(-1)]
  if (dims.length !== 4 || typeof wide === 'number') return usual
  const height = typeof high === 'number' ? high : HEIGHT
  let longest = 1
  for (let i = 0; i < Math.min(LOOK, lines.length); i++) {
    const size = await lines
      .load(i)
      .then(imageSize)
      .catch(() => undefined)
    if (size) longest = Math.max(longest, size.width / size.height)
  }
  return { ...usual, height, width: STEP * Math.ceil((longest * height) / STEP) }
}
