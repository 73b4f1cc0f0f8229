import { CORTEX_M3 } from './boards/compilers'
import { defineTarget } from './target'

export const c = defineTarget({
  id: 'c',
  aliases: ['mcu', 'microcontroller'],
  title: 'Microcontroller, plain C',
  detail: 'C99 sources without a runtime, weights compressed in flash',
  runtime: 'C99, one sample a run',
  board: { compiler: CORTEX_M3 },
  int8: { weightBits: 8 },
  // Whatever operators restore a weight, the sources hold its codes.
  keepsPacked: false,
  forms: ['c'],
  optimization: 'basic',
  sources: [
    'ISO/IEC 9899:1999',
    'latency is measured on this machine, in ONNX Runtime; code is counted as for a Cortex-M3',
  ],
})
