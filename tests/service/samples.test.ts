import path from 'node:path'
import { expect, test } from 'vitest'
import { dataKey } from '../../src/service/records'
import { findSample, sampleInfos } from '../../src/service/samples'

const resources = path.resolve(import.meta.dirname, '../../resources')

test('samples stand in their order, each with a picture and its minutes', () => {
  const infos = sampleInfos(resources)
  expect(infos[0]!.id).toBe('digits')
  for (const { picture, minutes } of infos) {
    expect(picture).toMatch(/^data:image\/svg\+xml;base64,/)
    expect(minutes).toBeLessThanOrEqual(2)
  }
})

test('a sample brings how its data is read, where that is not recognised', () => {
  expect(findSample(resources, 'wake').spec).toMatchObject({ task: 'events' })
  expect(findSample(resources, 'digits').spec).toBeUndefined()
})

test('data read by another spec is other data', () => {
  const file = 'a'
  const keys = [
    { file },
    { file, spec: { task: 'events' as const } },
    { file, roles: { task: 'events' as const } },
  ]
  expect(new Set(keys.map(dataKey)).size).toBe(keys.length)
})
