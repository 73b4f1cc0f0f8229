/** One name for a layer in every step: its node's, and where that has none the value it makes. */
import type { Project } from '../../contract/project'

export function layerNames(project: Project | undefined): ReadonlyMap<string, string> {
  const layers = project?.model.state === 'ready' ? project.model.value.layers : []
  return new Map(layers.map(({ layer, node }) => [layer, node || layer]))
}

/** Share of a signal that is error, by amplitude: 0 dB is 1, 20 dB 0.1, 40 dB 0.01. */
export const errorShare = (decibel: number): number => 10 ** (-decibel / 20)
