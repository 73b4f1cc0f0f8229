/** Where one looks at a drawing from: the point of the drawing at the top left of the window, and pixels a unit. */
export interface Camera {
  x: number
  y: number
  zoom: number
}

export interface Size {
  width: number
  height: number
}

const MOST = 2.5
/** A whole graph may be drawn smaller than anything could be read. */
const LEAST = 0.08
/** Shown at the start if the whole does not fit: what can still be read. */
const READABLE = 0.6
const MARGIN = 24
/** What is said of the drawing lies over its lower edge. */
const FOOT = 28

const whole = (seen: Size, extent: Size): number =>
  Math.min(
    1,
    (seen.width - MARGIN) / Math.max(1, extent.width),
    (seen.height - MARGIN - FOOT) / Math.max(1, extent.height),
  )

/** Always within what lets some of the drawing be seen. */
function kept({ x, y, zoom }: Camera, seen: Size, extent: Size): Camera {
  const within = (at: number, window: number, length: number): number => {
    const [span, rest] = [window / zoom, 0.25 * Math.min(window / zoom, length)]
    return Math.min(length - rest, Math.max(rest - span, at))
  }
  return { x: within(x, seen.width, extent.width), y: within(y, seen.height, extent.height), zoom }
}

export const moved = (camera: Camera, dx: number, dy: number, seen: Size, extent: Size): Camera =>
  kept({ ...camera, x: camera.x + dx / camera.zoom, y: camera.y + dy / camera.zoom }, seen, extent)

/** What lies under the pixel stays under it. */
export function zoomed(
  camera: Camera,
  factor: number,
  at: { x: number; y: number },
  seen: Size,
  extent: Size,
): Camera {
  const least = Math.min(LEAST, whole(seen, extent))
  const zoom = Math.min(MOST, Math.max(least, camera.zoom * factor))
  const by = 1 / camera.zoom - 1 / zoom
  return kept({ x: camera.x + at.x * by, y: camera.y + at.y * by, zoom }, seen, extent)
}

export function fitted(seen: Size, extent: Size): Camera {
  const zoom = whole(seen, extent)
  return {
    x: (extent.width - seen.width / zoom) / 2,
    y: (extent.height - (seen.height - FOOT) / zoom) / 2,
    zoom,
  }
}

/** The whole if it can be read, else its top, wide enough to read. */
export function opening(seen: Size, extent: Size): Camera {
  const all = fitted(seen, extent)
  if (all.zoom >= READABLE) return all
  const zoom = Math.min(1, Math.max(READABLE, (seen.width - MARGIN) / extent.width))
  return { x: (extent.width - seen.width / zoom) / 2, y: -8 / zoom, zoom }
}

/** In the middle of what a panel at the right leaves free, near enough to be read. */
export function centred(
  camera: Camera,
  x: number,
  y: number,
  seen: Size,
  extent: Size,
  free = seen.width,
): Camera {
  const zoom = Math.max(camera.zoom, READABLE)
  return kept({ x: x - free / 2 / zoom, y: y - seen.height / 2 / zoom, zoom }, seen, extent)
}

/** In a window of another width the same lies in its middle; the top stays where it is. */
export const widened = (camera: Camera, before: number, seen: Size, extent: Size): Camera =>
  moved(camera, (before - seen.width) / 2, 0, seen, extent)

/** A wheel turns in steps and zooms; fingers on a trackpad move by pixels and pan, and pinch with ctrl. */
export function turned(
  event: Pick<WheelEvent, 'deltaX' | 'deltaY' | 'deltaMode' | 'ctrlKey' | 'metaKey' | 'shiftKey'>,
): { zoom: number } | { dx: number; dy: number } {
  const { deltaX, deltaY, deltaMode } = event
  const pinched = event.ctrlKey || event.metaKey
  const stepped = deltaX === 0 && (deltaMode !== 0 || Math.abs(deltaY) >= 50)
  if (event.shiftKey && !pinched) return { dx: deltaX || deltaY, dy: 0 }
  if (!pinched && !stepped) return { dx: deltaX, dy: deltaY }
  const pixels = deltaMode === 0 ? deltaY : deltaY * 33
  return { zoom: Math.exp(-Math.max(-200, Math.min(200, pixels)) * (stepped ? 0.002 : 0.01)) }
}
