/** Plug-ins: modules of others that bring passes, targets, encodings and tasks. */
import type { ErrorData } from './errors'

export interface PluginDescription {
  /** What was asked for: the absolute path of a file or folder, or the name of a package. */
  place: string
  /** As its package calls itself, else the name of the file or folder. */
  name: string
  version?: string
  /** What it has registered, in the order of its kinds; nothing where it could not be loaded. */
  brings: { kind: 'pass' | 'target' | 'encoding' | 'task'; id: string; title: string }[]
  /** Why it is not in use. */
  error?: ErrorData
}
