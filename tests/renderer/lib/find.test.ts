import { describe, expect, it } from 'vitest'
import { ranked } from '../../../src/renderer/lib/find'

const groups = [
  {
    title: 'Learning',
    items: [
      {
        id: 'distill',
        title: 'Distill',
        keywords: 'teacher',
        text: 'Learns before pruning or quantization.',
      },
      { id: 'finetune', title: 'Fine-tune', keywords: '', text: 'Wins back what pruning lost.' },
    ],
  },
  {
    title: 'Pruning',
    items: [
      { id: 'channels', title: 'Remove channels', keywords: 'structured pruning', text: '' },
      { id: 'prune', title: 'Prune small weights', keywords: 'unstructured', text: 'Sets weights to zero.' },
    ],
  },
]
const found = (query: string): string[] =>
  ranked(groups, query).flatMap(({ items }) => items.map(({ id }) => id))

describe('ranked', () => {
  it('puts what is called so before what is only described so, across groups', () => {
    expect(found('prun')).toEqual(['prune', 'channels', 'distill', 'finetune'])
    expect(found('Prune small weights')[0]).toBe('prune')
  })

  it('keeps the order of the registry where nothing is asked', () => {
    expect(found('')).toEqual(['distill', 'finetune', 'channels', 'prune'])
  })

  it('wants every word somewhere', () => {
    expect(found('pruning teacher')).toEqual(['distill'])
    expect(found('nowhere')).toEqual([])
  })
})
