import { expect, test } from 'vitest'
import { parsePassOption } from '../../src/cli/pass-option'
import type { ParameterField, PassDescription } from '../../src/contract/passes'

const field = (name: string, kind: ParameterField['kind']): ParameterField => ({
  name,
  kind,
  label: name,
  help: name,
  default: null,
})
const passes: PassDescription[] = [
  {
    id: 'prune',
    title: 'Prune',
    family: 'pruning',
    role: 'removes',
    after: [],
    summary: '',
    sources: [],
    needs: [],
    parameters: [
      field('sparsity', 'number'),
      field('exact', 'boolean'),
      field('pattern', 'choice'),
      field('skip', 'list'),
      field('rounds', 'integer'),
    ],
  },
]

test.each([
  ['prune', {}],
  ['  prune   sparsity=0.5 ', { sparsity: 0.5 }],
  ['prune sparsity=5e-1 exact=true rounds=3', { sparsity: 0.5, exact: true, rounds: 3 }],
  ['prune pattern=n:m', { pattern: 'n:m' }],
  ['prune skip=conv1,conv2', { skip: ['conv1', 'conv2'] }],
  ['prune skip=', { skip: [] }],
  ['prune skip=\'["a b", 3]\'', { skip: ['a b', 3] }],
  ['prune pattern="two words"', { pattern: 'two words' }],
  ['prune pattern=a=b', { pattern: 'a=b' }],
])('%s', (text, params) => {
  expect(parsePassOption(text, passes)).toEqual({ pass: 'prune', params })
})

test.each([
  ['shrink', 'pass/unknown', 'shrink'],
  ['', 'pass/unknown', 'known'],
  ['prune spasity=1', 'pass/bad-parameter', 'sparsity, exact'],
  ['prune sparsity', 'pass/bad-parameter', 'name=value'],
  ['prune sparsity=half', 'pass/bad-parameter', 'half'],
  ['prune sparsity=', 'pass/bad-parameter', 'not a number'],
  ['prune exact=yes', 'pass/bad-parameter', 'true or false'],
  ['prune skip=[1', 'pass/bad-parameter', 'JSON list'],
])('%j is refused: %s', (text, code, word) => {
  const parse = (): unknown => parsePassOption(text, passes)
  expect(parse).toThrow(expect.objectContaining({ code }) as Error)
  expect(parse).toThrow(word)
})
