/** Under Electron the preload's bridge carries the calls; errors come as data and are thrown whole here. */
import type { EventName, Events, Host, MethodOutput } from '../../contract/app'
import type { Answer, Bridge } from '../../contract/bridge'
import { toError } from '../../contract/errors'

declare global {
  interface Window {
    pare?: Bridge
  }
}

function opened<T>(answer: Answer<T>): T {
  if ('error' in answer) throw toError(answer.error)
  return answer.ok
}

export function electronHost(bridge: Bridge | undefined = window.pare): Host | undefined {
  if (!bridge) return undefined
  return {
    shell: 'electron',
    invoke: async (name, input) =>
      opened((await bridge.invoke(name, input)) as Answer<MethodOutput<typeof name>>),
    on: <E extends EventName>(name: E, listener: (event: Events[E]) => void) =>
      bridge.on(name, (data) => listener(data as Events[E])),
    filesOf: async (dropped) => opened(await bridge.adopt(dropped.map(({ file }) => file))),
  }
}
