import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ACTIONS, actionById, type ActionDeclaration } from '../../../src/contract/actions'
import { matches, written } from '../../../src/renderer/state/shortcuts'

const list: readonly ActionDeclaration[] = ACTIONS

describe('the action registry', () => {
  it('names every action once', () => {
    expect(new Set(list.map(({ id }) => id)).size).toBe(list.length)
    expect(new Set(list.map(({ title }) => title)).size).toBe(list.length)
  })

  it('gives no shortcut twice', () => {
    const shortcuts = list.flatMap(({ shortcut }) => shortcut ?? [])
    expect(new Set(shortcuts).size).toBe(shortcuts.length)
  })
})

const press = (key: string, held: Partial<KeyboardEvent> = {}): KeyboardEvent =>
  ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held }) as KeyboardEvent

describe('shortcuts', () => {
  beforeEach(() => void vi.stubGlobal('navigator', { platform: 'Linux x86_64' }))
  afterEach(() => vi.unstubAllGlobals())

  it.each([
    ['palette', press('k', { ctrlKey: true })],
    ['palette', press('K', { ctrlKey: true })],
    ['text.larger', press('+', { ctrlKey: true, shiftKey: true })],
    ['text.larger', press('=', { ctrlKey: true })],
    ['text.smaller', press('-', { ctrlKey: true })],
    ['data.openFolder', press('O', { ctrlKey: true, shiftKey: true })],
    ['step.compare', press('5', { ctrlKey: true })],
  ])('%s', (id, event) => {
    const hit = list.filter(({ shortcut }) => shortcut && matches(shortcut, event)).map((action) => action.id)
    expect(hit).toEqual([id])
    expect(actionById(id)?.shortcut).toBeDefined()
  })

  it('leave plain typing alone', () => {
    for (const key of ['k', 'o', '-', '1', 'Enter'])
      expect(list.filter(({ shortcut }) => shortcut && matches(shortcut, press(key)))).toEqual([])
  })

  it('are written as each platform writes them', () => {
    expect([written('CmdOrCtrl+Shift+O'), written('CmdOrCtrl+Plus')]).toEqual(['Ctrl+Shift+O', 'Ctrl++'])
    vi.stubGlobal('navigator', { platform: 'MacIntel' })
    expect([written('CmdOrCtrl+Shift+O'), written('CmdOrCtrl+Enter')]).toEqual(['⌘⇧O', '⌘⏎'])
    expect(matches('CmdOrCtrl+K', press('k', { metaKey: true }))).toBe(true)
    expect(matches('CmdOrCtrl+K', press('k', { ctrlKey: true }))).toBe(false)
  })
})
