/**
 * What can run a model on this machine. A provider that is listed need not work (WebGPU is listed without an
 * adapter, and there is no automatic fallback), so each is proved by running a tiny model.
 */
import { Model, Tensor } from '../onnx'
import { ort } from './ort'
import { withSession } from './session'
import { float32 } from './value'

interface Provider {
  /** As ONNX Runtime calls it: 'cpu', 'cuda', 'dml', 'coreml', 'webgpu', … */
  name: string
  works: boolean
  /** Why not, in ONNX Runtime's words. */
  reason?: string
}

/** y = relu(x · W), small enough to prove a provider in milliseconds. */
function tinyModel(): Model {
  const model = new Model()
  model.opsets.set('', 13)
  model.graph.inputs = [{ name: 'x', dtype: 'float32', dims: [1, 2] }]
  model.graph.outputs = [{ name: 'y', dtype: 'float32', dims: [1, 2] }]
  model.graph.initializers.set('w', Tensor.float32([2, 2], [1, -1, 2, -2]))
  model.graph.addNode({ opType: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] })
  model.graph.addNode({ opType: 'Relu', inputs: ['h'], outputs: ['y'] })
  return model
}

async function prove(name: string): Promise<Provider> {
  try {
    const answer = await withSession(tinyModel(), { providers: [name] }, async (session) => {
      const { y } = await session.run({ x: float32([1, 2], Float32Array.of(1, 1)) })
      return Array.from(y!.data as Float32Array)
    })
    if (answer[0] === 3 && answer[1] === 0) return { name, works: true }
    return { name, works: false, reason: `it computes [${answer.join(', ')}] where [3, 0] is right` }
  } catch (cause) {
    return { name, works: false, reason: cause instanceof Error ? cause.message : String(cause) }
  }
}

let proved: Promise<Provider[]> | undefined

/** Every provider this build lists, proved once in the life of the process; the CPU comes last. */
export function listProviders(): Promise<Provider[]> {
  proved ??= (async () => {
    const names = ort.listSupportedBackends().map(({ name }) => name)
    const found: Provider[] = []
    for (const name of new Set([...names.filter((other) => other !== 'cpu'), 'cpu']))
      found.push(await prove(name))
    return found
  })()
  return proved
}

/** What to open sessions with for a wish: the wish and the CPU behind it, or the CPU alone and a word why. */
export async function chooseProviders(wish: string): Promise<{ providers: string[]; word?: string }> {
  if (wish === 'cpu') return { providers: ['cpu'] }
  const found = (await listProviders()).find(({ name }) => name === wish)
  if (found?.works) return { providers: [wish, 'cpu'] }
  const why = found ? (found.reason ?? 'it does not work') : 'this build of ONNX Runtime does not have it'
  return { providers: ['cpu'], word: `${wish} cannot be used here (${why}); the CPU is used instead.` }
}
