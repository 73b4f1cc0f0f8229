/** Accelerators of the action registry against key events, and how they are written on this platform. */

const mac = (): boolean => navigator.platform.startsWith('Mac')

const KEYS: Record<string, string[]> = { Plus: ['+', '='], '-': ['-', '_'] }

export function matches(shortcut: string, event: KeyboardEvent): boolean {
  const parts = shortcut.split('+')
  const key = parts.pop()!
  const command = mac() ? event.metaKey : event.ctrlKey
  if (parts.includes('CmdOrCtrl') !== command) return false
  if (parts.includes('Alt') !== event.altKey) return false
  // Larger text is a shifted key on many layouts.
  if (key !== 'Plus' && parts.includes('Shift') !== event.shiftKey) return false
  const wanted = KEYS[key] ?? [key]
  return wanted.some((name) => name.toLowerCase() === event.key.toLowerCase())
}

const SIGNS: Record<string, string> = { CmdOrCtrl: '⌘', Shift: '⇧', Alt: '⌥', Enter: '⏎', Plus: '+' }
const WORDS: Record<string, string> = { CmdOrCtrl: 'Ctrl', Plus: '+' }

export function written(shortcut: string): string {
  const parts = shortcut.split('+')
  return mac()
    ? parts.map((part) => SIGNS[part] ?? part).join('')
    : parts.map((part) => WORDS[part] ?? part).join('+')
}
