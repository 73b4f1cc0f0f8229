/** Lays a graph out off the main thread; ended by terminating the worker. */
import dagre from '@dagrejs/dagre'
import type { LaidOut, LayoutInput } from './layout'

function lay({ nodes, edges, width, height }: LayoutInput): LaidOut {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({
    rankdir: 'TB',
    nodesep: 24,
    ranksep: 36,
    marginx: 16,
    marginy: 16,
    ranker: nodes.length > 400 ? 'longest-path' : 'network-simplex',
  })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const id of nodes) graph.setNode(id, { width, height })
  for (const { from, to } of edges) graph.setEdge(from, to)
  dagre.layout(graph)
  const size = graph.graph()
  return {
    width: size.width ?? 0,
    height: size.height ?? 0,
    nodes: nodes.map((id) => ({ id, x: graph.node(id).x, y: graph.node(id).y })),
    edges: edges.map(({ from, to }) => ({ points: graph.edge(from, to).points ?? [] })),
  }
}

onmessage = ({ data }: MessageEvent<LayoutInput>): void => {
  postMessage(lay(data))
}
