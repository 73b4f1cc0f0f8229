/** What the steps of a recipe are called, wherever people read it: passes by their titles, with what is not as they come. */
import { formatFigure } from '../../contract/format'
import type { ParameterField } from '../../contract/passes'
import type { RecipeStep } from '../../contract/recipe'
import { PASSES } from '.'

type Words = Pick<ParameterField, 'label' | 'told' | 'unit'>

const plain = (value: unknown): string =>
  typeof value === 'number' ? formatFigure(value) : [value].flat().map(String).join(', ')

function valueTold({ label, told, unit }: Words, value: unknown): string {
  const words = typeof told === 'string' ? told : (told?.[String(value)] ?? told?.['*'])
  if (words !== undefined)
    return words.replace('{%}', `${plain(Number(value) * 100)}%`).replace('{}', plain(value))
  const name = label.replace(/ \(.*\)$/, '').toLowerCase()
  if (value instanceof Object && !Array.isArray(value)) return `${name} by layer`
  return [name, plain(value), unit].filter(Boolean).join(' ')
}

/** "Low-bit weights (8 bits, plain rounding) → Pack weights for download". What has its default is not said. */
export const stepsTold = (steps: readonly RecipeStep[]): string =>
  steps
    .map(({ pass, params }) => {
      const known = PASSES.find(({ id }) => id === pass)?.description
      const values = Object.entries(params).flatMap(([name, value]) => {
        const field = known?.parameters.find((one) => one.name === name)
        const isDefault = JSON.stringify(field?.default) === JSON.stringify(value)
        return isDefault ? [] : valueTold(field ?? { label: name }, value)
      })
      return (known?.title ?? pass) + (values.length > 0 ? ` (${values.join(', ')})` : '')
    })
    .join(' → ')
