import { expect, it, vi } from 'vitest'
import NumberField from '../../../src/renderer/ui/NumberField.svelte'
import { render, type } from './render'

const field = (props: object = {}) => {
  const onchange = vi.fn()
  const { find } = render(NumberField, { label: 'Minutes', value: 3, onchange, min: 1, max: 10, ...props })
  return { onchange, input: find<HTMLInputElement>('input'), find }
}

it.each([
  ['40', 'At most 10.'],
  ['0', 'At least 1.'],
  ['', 'A number is needed.'],
  ['2.5', 'A whole number is needed.'],
])('%j is not taken, and said to be wrong beside the field: %s', (text, said) => {
  const { onchange, input, find } = field()
  type(input, text)
  expect(onchange).not.toHaveBeenCalled()
  expect(find('.problem').textContent).toBe(said)
  expect(input.getAttribute('aria-invalid')).toBe('true')
  type(input, '7')
  expect(onchange).toHaveBeenLastCalledWith(7)
  expect(input.hasAttribute('aria-invalid')).toBe(false)
})

it('takes nothing for none where none is meant', () => {
  const { onchange, input } = field({ none: 'no limit' })
  type(input, '')
  expect(onchange).toHaveBeenLastCalledWith(undefined)
})
