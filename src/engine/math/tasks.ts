/** Work that any thread can do: pure functions of what they are given. */
import { lowBit } from './quantize/low-bit'

export const TASKS = { 'low-bit': lowBit } as const

export type TaskName = keyof typeof TASKS
export type TaskInput<N extends TaskName> = Parameters<(typeof TASKS)[N]>[0]
export type TaskOutput<N extends TaskName> = ReturnType<(typeof TASKS)[N]>
