export type { ShellHost } from './core'
export { forkEngine, type EngineExit, type EngineProcess } from './engine-process'
export { createService, type Service, type ServiceOptions } from './service'
