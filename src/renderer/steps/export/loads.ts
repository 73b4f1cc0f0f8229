/** Which files of a bundle the pasted code loads: they stand first, the rest is beside them. */
import type { BundleEntry, BundlePlan } from '../../../contract/project'

/** What models are called; a test or a manifest that code also names is none. */
const MODEL = /\.(onnx|ort|c|h|tflite|mlmodel|mlpackage|bin|data)$/

/**
 * Entries whose names the code of that language writes down, the largest first, with the weights that lie beside a
 * model; without such code the largest model.
 */
export function loadedBy({ entries, snippets }: BundlePlan, language?: string): BundleEntry[] {
  const code = (snippets.find((snippet) => snippet.language === language) ?? snippets[0])?.code ?? ''
  const models = entries.filter(({ name }) => MODEL.test(name)).sort((a, b) => b.bytes - a.bytes)
  const named = models.filter(({ name }) => code.includes(name.split('/').at(-1)!))
  const first = named.length ? named : models.slice(0, 1)
  const beside = models.filter(
    (entry) => !first.includes(entry) && first.some(({ name }) => entry.name.startsWith(`${name}.`)),
  )
  return [...first, ...beside]
}
