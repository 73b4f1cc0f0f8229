/** Applies theme and text size to the page, and counts the changes that charts must follow. */
import { untrack } from 'svelte'
import type { Settings } from '../../contract/app'

type Look = Pick<Settings, 'theme' | 'textScale'>

const KEY = 'pare.look'
let version = $state(0)

export const themeVersion = (): number => version

export function applySettings({ theme, textScale }: Look): void {
  const root = document.documentElement
  if (theme === 'system') delete root.dataset.theme
  else root.dataset.theme = theme
  root.style.setProperty('--text-scale', String(textScale))
  localStorage.setItem(KEY, JSON.stringify({ theme, textScale }))
  // Counting up reads too; whoever applies settings must not depend on it.
  untrack(() => version++)
}

/** The last look at once, before the settings are there: no flash of the other theme. */
export function applyRemembered(): void {
  const kept = localStorage.getItem(KEY)
  if (kept) applySettings(JSON.parse(kept) as Look)
}

/** The system's own light and dark, followed while the window is open. */
export function followSystem(): () => void {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const changed = (): void => void version++
  dark.addEventListener('change', changed)
  return () => dark.removeEventListener('change', changed)
}
