/** The recipes that ship with Pare. */
import type { Preset } from '../../contract/recipe'

export const PRESETS: readonly Preset[] = [
  {
    pare: 1,
    id: 'safe',
    name: 'Safe',
    description:
      'Cleans the graph up and stores the weights as 8-bit integers, or as 16-bit floats where 8 bits would show; the arithmetic stays as it was.',
    cost: 'About a quarter of the file; answers practically never change.',
    steps: [
      { pass: 'simplify', params: {} },
      {
        pass: 'quantize-weights',
        params: { bits: 8, method: 'rtn', block: 0, symmetric: true, storage: 'plain', maxLoss: 0.5 },
      },
      { pass: 'float16', params: { compute: 'float32' } },
      { pass: 'keep-best', params: { objective: 'exact' } },
    ],
  },
  {
    pare: 1,
    id: 'balanced',
    name: 'Balanced',
    description:
      'Cleans the graph up and runs it in 8-bit integers where that pays: layers that mind compute in float, and a plainer form is kept where it does better.',
    cost: 'About a quarter of the file; usually less than half a point.',
    steps: [
      { pass: 'simplify', params: {} },
      { pass: 'quantize-static', params: {} },
      { pass: 'keep-best', params: { objective: 'balance' } },
    ],
  },
  {
    pare: 1,
    id: 'smallest',
    name: 'Smallest download',
    description:
      'Removes channels, turns most of the remaining weights into zeros, lets the others share a few values, and packs them; the original teaches all along. The arithmetic stays in float.',
    cost: 'A twentieth to a hundredth of the download; less than a point on networks with room to spare, three to five on tight ones; minutes of training on this machine.',
    steps: [
      { pass: 'simplify', params: {} },
      { pass: 'prune-channels', params: { ratio: 0.5 } },
      { pass: 'distill', params: { epochs: 4, mixup: 0.5 } },
      { pass: 'prune-gradually', params: { sparsity: 0.78, epochs: 16, mixup: 0.5 } },
      { pass: 'trained-codebook', params: { bits: 3, epochs: 10, mixup: 0.5 } },
      { pass: 'pack-weights', params: {} },
      { pass: 'keep-best', params: { objective: 'size', maxLoss: 5 } },
    ],
  },
  {
    pare: 1,
    id: 'fastest',
    name: 'Fastest',
    description:
      'Removes the channels that the model misses least until half of the multiplications are left, refits what reads them, and runs the rest in 8-bit integers where that pays.',
    cost: 'About a fifth to an eighth of the file; usually a point or less. Needs calibration data.',
    steps: [
      { pass: 'simplify', params: {} },
      { pass: 'prune-channels', params: { target: 'macs', goal: 0.5 } },
      { pass: 'quantize-static', params: { maxLoss: 2 } },
      { pass: 'keep-best', params: { objective: 'speed', maxLoss: 2 } },
    ],
  },
]
