/** Room for pictures that are being decoded: many small ones at once, of large ones as many as memory allows. */
import { MEMORY_BUDGET } from '../onnx/budget'

/** Share of a job's memory that pictures may take while they are decoded. */
const SHARE = 1 / 4

/** Red, green, blue and alpha, in the two copies that libvips hands over. */
const BYTES_PER_PIXEL = 4 * 2

/** Work in turn, as long as what is being worked on stays within `budget` bytes. */
export class DecodeRoom {
  private taken = 0
  private readonly waiting: { bytes: number; enter: () => void }[] = []

  constructor(private readonly budget = SHARE * MEMORY_BUDGET) {}

  /** Throws an Error whose message completes "this file …" for a picture that is too large alone. */
  async with<T>({ width, height }: { width: number; height: number }, work: () => Promise<T>): Promise<T> {
    const bytes = width * height * BYTES_PER_PIXEL
    if (bytes > this.budget) throw new Error(`has ${width} × ${height} pixels, more than memory allows`)
    if (this.waiting.length > 0 || this.taken + bytes > this.budget)
      await new Promise<void>((enter) => this.waiting.push({ bytes, enter }))
    else this.taken += bytes
    try {
      return await work()
    } finally {
      this.taken -= bytes
      this.next()
    }
  }

  private next(): void {
    for (
      let first = this.waiting[0];
      first && this.taken + first.bytes <= this.budget;
      first = this.waiting[0]
    ) {
      this.waiting.shift()
      this.taken += first.bytes
      first.enter()
    }
  }
}
