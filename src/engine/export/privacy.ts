/** What a bundle must not tell of the machine it was made on. */
import { namesPlace } from '../onnx'

const PLACE = /(?:[A-Za-z]:[\\/]|\\\\|\/)(?:[^\s"'<>|:;,()\\/]+[\\/])+([^\s"'<>|:;,()\\/]*)/g

/** A copy of plain data in which files are named without their folders. */
export function withoutPlaces<T>(value: T): T {
  if (typeof value === 'string')
    return (namesPlace(value) ? value.replace(PLACE, (_, name: string) => name || '…') : value) as T
  if (Array.isArray(value)) return value.map(withoutPlaces) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withoutPlaces(one as unknown)]),
  ) as T
}
