export { streamActivations, type Streamed, type StreamOptions } from './activations'
export { carriedStates, Carrier } from './carrier'
export { computedValues, prefixOf, typesOf, withOutputs } from './expose'
export { randomFeeds, type FeedOptions } from './feeds'
export { openRunner, type Runner } from './runner'
export { feedOf, feedsFor, runsOf, samplesIn, samplesOf, type Run } from './samples'
export { isFree, sampleDims, signatureOf, type Port, type Signature } from './signature'
export {
  BY_TURNS,
  openSession,
  withSession,
  type PortType,
  type Session,
  type SessionOptions,
} from './session'
export { shapesAt, traceShapes, workingFeeds, type TracedValue, type TraceOptions } from './trace'
export { affordable, secondsOfRun } from './timing'
export * from './value'
export { matmul } from './linalg'
export { evaluateConstant } from './constants'
export { macsOf, workOf } from './macs'
export { profileNodes, type NodeTime } from './profile'
export { chooseProviders, listProviders, type Provider } from './providers'
