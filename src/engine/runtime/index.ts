export { streamActivations, type Streamed, type StreamOptions } from './activations'
export { computedValues, prefixOf, typesOf, withOutputs } from './expose'
export { batchAxisOf, fixedBatchOf, randomFeeds, resolveDims, type FeedOptions } from './feeds'
export {
  BY_TURNS,
  openSession,
  withSession,
  type PortType,
  type Session,
  type SessionOptions,
} from './session'
export { shapesAt, traceShapes, workingFeeds, type TracedValue, type TraceOptions } from './trace'
export * from './value'
export { matmul } from './linalg'
export { evaluateConstant } from './constants'
export { modelCosts, nonzeroParameters, type ModelCosts } from './costs'
export { inspectModel } from './inspect'
export { macsOf } from './macs'
export { constantValues, copies, weightsByNode, type Weight } from './weights'
export { profileNodes, type NodeTime } from './profile'
export { chooseProviders, listProviders, type Provider } from './providers'
