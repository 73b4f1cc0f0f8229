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

/** The system's own light and dark, and its forced colours, followed while the window is open. */
export function followSystem(): () => void {
  const followed = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) =>
    matchMedia(query),
  )
  const changed = (): void => void version++
  for (const query of followed) query.addEventListener('change', changed)
  return () => followed.forEach((query) => query.removeEventListener('change', changed))
}
