/**
 * Work of this thread that could go on for ever, such as a regular expression of somebody else's on a text of somebody
 * else's. Source: `timeout` of Node's vm, which ends what V8 runs, backtracking as well.
 */
import vm from 'node:vm'

const room = vm.createContext({ work: undefined }) as { work?: () => void }
const script = new vm.Script('work()')

/** Throws an Error with code `ERR_SCRIPT_EXECUTION_TIMEOUT` where the work takes longer, and what it throws itself. */
export function limited<T>(milliseconds: number, work: () => T): T {
  let result: T
  room.work = () => {
    result = work()
  }
  try {
    script.runInContext(room, { timeout: Math.ceil(milliseconds) })
    return result!
  } finally {
    room.work = undefined
  }
}

export const isTimeout = (thrown: unknown): boolean =>
  (thrown as { code?: unknown } | undefined)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
