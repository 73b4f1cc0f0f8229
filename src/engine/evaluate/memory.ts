/**
 * Peak memory a session adds. Measured in a process of its own, which the host of the engine starts, so that
 * nothing the engine holds counts in.
 */
import fs from 'node:fs'
import { Graph, Model } from '../onnx'
import { openSession, withSession, type SessionOptions } from '../runtime/session'
import type { Values } from '../runtime/value'

export interface ProbeRequest {
  model: string
  /** One sample by input name. */
  feeds: Values
  session?: SessionOptions
}

export interface ProbeReply {
  /** Growth of resident memory, bytes, from before the session to its peak while running. */
  peakBytes: number
}

/** Measures in some process of its own. The Electron shell and Node start theirs in different ways. */
export type MemoryProbe = (request: ProbeRequest, signal?: AbortSignal) => Promise<ProbeReply>

const RUNS = 3

/** What the process of its own does. */
export async function probeHere({ model, feeds, session }: ProbeRequest): Promise<ProbeReply> {
  // The first session of a process sets up the runtime itself; that is not this model's memory.
  await withSession(identity(), {}, (warm) =>
    warm.run({ x: { dtype: 'float32', dims: [1], data: new Float32Array(1) } }),
  )
  forgetPeak()
  const before = process.memoryUsage.rss()
  const opened = await openSession(model, { ...session, kernels: 'usual' })
  for (let i = 0; i < RUNS; i++) await opened.run(feeds)
  const peakBytes = Math.max(0, peakResident() - before)
  await opened.release()
  return { peakBytes }
}

function identity(): Model {
  const model = new Model()
  model.opsets.set('', 17)
  model.irVersion = 8
  const graph = new Graph()
  graph.inputs.push({ name: 'x', dtype: 'float32', dims: [1] })
  graph.outputs.push({ name: 'y', dtype: 'float32', dims: [1] })
  graph.addNode({ opType: 'Identity', inputs: ['x'], outputs: ['y'] })
  model.graph = graph
  return model
}

/**
 * Highest resident size so far, bytes. On Linux from /proc: getrusage's figure outlives exec, so that a child
 * would show the size its parent had when it forked.
 */
export function peakResident(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024
  const found = /^VmHWM:\s+(\d+) kB/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))
  return found ? Number(found[1]) * 1024 : process.memoryUsage.rss()
}

/** Sets the high-water mark back to the present size where the system lets us (proc(5), clear_refs). */
function forgetPeak(): void {
  if (process.platform !== 'linux') return
  try {
    fs.writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // Some sandboxes forbid it; the peak then starts from that of loading the runtime.
  }
}
