/** What the window's state is made of, beside what the contract gives. */

export interface Question {
  title: string
  text: string
  yes: string
  danger?: boolean
  /** Asks for a line of text; the answer is it. */
  value?: string
  label?: string
  answer(value: string | null): void
}

export type Overlay = 'palette' | 'settings' | 'plugins' | 'shortcuts' | 'about'
export interface Queue {
  running?: string
  waiting: string[]
  paused: boolean
  stopAfterCurrent: boolean
}

export interface Taking {
  doing: string
  /** 0 … 1, once something has arrived. */
  done?: number
  /** How much of how much, and how fast. */
  aside?: string
  cancel: () => void
}
