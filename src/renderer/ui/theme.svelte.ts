/** Applies theme and text size to the page, and counts the changes that charts must follow. */
import { untrack } from 'svelte'
import type { Settings } from '../../contract/app'

let version = $state(0)

export const themeVersion = (): number => version

export function applySettings({ theme, textScale }: Pick<Settings, 'theme' | 'textScale'>): void {
  const root = document.documentElement
  if (theme === 'system') delete root.dataset.theme
  else root.dataset.theme = theme
  root.style.setProperty('--text-scale', String(textScale))
  // Counting up reads too; whoever applies settings must not depend on it.
  untrack(() => version++)
}

/** The system's own light and dark, followed while the window is open. */
export function followSystem(): () => void {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const changed = (): void => void version++
  dark.addEventListener('change', changed)
  return () => dark.removeEventListener('change', changed)
}
