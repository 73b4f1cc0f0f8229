/** What people type into generated fields, as parameter values. */
import type { ParameterField } from '../../../contract/passes'

type Parsed = { value: unknown } | { problem: string }

const number = (field: ParameterField, text: string): Parsed => {
  const value = Number(text.replace(',', '.'))
  if (text.trim() === '' || !Number.isFinite(value)) return { problem: 'A number is needed.' }
  if (field.kind === 'integer' && !Number.isInteger(value)) return { problem: 'A whole number is needed.' }
  if (field.minimum !== undefined && value < field.minimum) return { problem: `At least ${field.minimum}.` }
  if (field.maximum !== undefined && value > field.maximum) return { problem: `At most ${field.maximum}.` }
  return { value }
}

export function parseParameter(field: ParameterField, text: string): Parsed {
  if (field.kind === 'number' || field.kind === 'integer') return number(field, text)
  if (field.kind === 'list')
    return {
      value: text
        .split(/[\n,]+/)
        .map((item) => item.trim())
        .filter(Boolean),
    }
  return { value: text }
}

export const parameterText = (value: unknown): string =>
  value === undefined || value === null ? '' : Array.isArray(value) ? value.join(', ') : String(value)

export function rangeText({ minimum, maximum }: ParameterField): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`
  if (minimum !== undefined) return `${minimum} or more`
  return maximum === undefined ? '' : `${maximum} or less`
}
