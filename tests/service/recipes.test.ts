import { expect, test } from 'vitest'
import { fileName } from '../../src/service/recipes'

test('a name is one that every file system takes, however long and in whatever script', () => {
  expect(fileName('My recipe: 50%')).toBe('My recipe- 50-')
  expect(fileName('...')).toBe('pare')
  const long = fileName('量'.repeat(300))
  expect(Buffer.byteLength(long)).toBe(120)
  expect(long).toBe('量'.repeat(40))
  expect(fileName(`a${String.fromCharCode(0xd800)}b`)).toBe('a-b')
})
