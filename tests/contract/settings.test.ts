import { expect, it } from 'vitest'
import { methods, Settings } from '../../src/contract/app'

it('fills in what was never set', () => {
  expect(Settings.parse({})).toEqual({
    theme: 'system',
    textScale: 1,
    provider: 'cpu',
    threads: 0,
    memory: 0,
    notifications: true,
    plugins: [],
  })
})

it('changes only what is given', () => {
  expect(methods['settings.set'].input.parse({ textScale: 1.2 })).toEqual({ textScale: 1.2 })
  expect(methods['settings.set'].input.safeParse({ textScale: 9 }).success).toBe(false)
  expect(methods['settings.set'].input.safeParse({ colour: 'red' }).success).toBe(false)
})
