/** Constants of the bodies of If, Loop and Scan, moved to where every body sees them. */
import type { Graph, Model } from '../../onnx'

/**
 * Moves the initializers and Constant nodes of nested graphs to the main graph, under names of their own. Bodies read
 * them from there as they read any outer value. What a body hands straight out stays.
 */
export function liftConstants(model: Model): void {
  const { graph: main } = model
  const bodies = [...model.graphs()].filter((graph) => graph !== main)
  if (bodies.length === 0) return
  model.constantsToInitializers(({ dtype }) => dtype !== 'string')
  for (const body of bodies)
    for (const [name, tensor] of [...body.initializers]) {
      if (isTaken(body, name)) continue
      body.initializers.delete(name)
      body.replaceUses(name, main.addInitializer(name, tensor))
    }
}

const isTaken = (body: Graph, name: string): boolean =>
  body.isOutput(name) || body.inputs.some((input) => input.name === name)
