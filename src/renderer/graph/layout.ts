export interface LayoutInput {
  nodes: string[]
  edges: { from: string; to: string }[]
  /** Of every node, in pixels. */
  width: number
  height: number
}

export interface Point {
  x: number
  y: number
}

export interface LaidOut {
  width: number
  height: number
  /** Middles. */
  nodes: ({ id: string } & Point)[]
  /** In the order of the input's. */
  edges: { points: Point[] }[]
}

/** Undefined when it was cancelled. */
export function layOut(input: LayoutInput, signal: AbortSignal): Promise<LaidOut | undefined> {
  const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' })
  return new Promise<LaidOut | undefined>((resolve, reject) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
    worker.onmessage = ({ data }: MessageEvent<LaidOut>) => resolve(data)
    worker.onerror = (event) => reject(new Error(event.message || 'the layout failed'))
    worker.postMessage(input)
  }).finally(() => worker.terminate())
}
