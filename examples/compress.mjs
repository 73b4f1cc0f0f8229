/**
 * Compress, measure, export: node compress.mjs MODEL DATA OUT
 *
 * Everything happens on this machine; the model given is never changed.
 */
import { compress, errorMessage, exportBundle, inspect, PareError } from 'pare'

const [model, data, out] = process.argv.slice(2)

try {
  const { parameters, layers } = await inspect(model)
  console.log(`${parameters} parameters in ${layers.length} layers`)

  const { original, candidate } = await compress(model, {
    data,
    recipe: 'safe',
    out,
    onEvent: ({ event, data: told }) => event === 'step' && console.log(told.record.summary),
  })
  console.log(`${original.bytes} bytes became ${candidate.bytes}`)
  console.log(`${candidate.quality.metric} ${original.quality.value} became ${candidate.quality.value}`)

  const bundle = await exportBundle(candidate.path, { out: `${out}/bundle.zip`, target: 'android-cpu' })
  console.log(`Bundle: ${bundle.path}`)
} catch (error) {
  if (!(error instanceof PareError)) throw error
  const { what, todo } = errorMessage(error.data)
  console.error(`${error.code}: ${what} ${todo}`)
  process.exitCode = 1
}
