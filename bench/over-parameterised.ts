/**
 * A search of an over-parameterised VGG-like network, as a person starts it: `pare search` for half an hour. The network
 * learned 20 classes of pictures drawn by rule (suite/python/make_vgg.py). Some constants of the search were chosen after it, as
 * docs/policy.md says.
 */
import path from 'node:path'
import { folderOf, makeByPython, type MadeByPython } from '../suite/support/by-python'
import type { Entry } from './support/figure'
import { searched, THIS } from './support/searching'

const VGG: MadeByPython = { what: 'over-parameterised', script: 'make_vgg.py', needs: ['torch', 'onnx'] }
const MINUTES = 30
const MAX_DROP = 0.5

export const entry: Entry = {
  about: `a search of ${MINUTES} minutes of a VGG-like network with room to spare`,
  async run() {
    if (!makeByPython(VGG).includes('vgg')) return []
    const [model, data] = ['models/vgg.onnx', 'data/pictures.npz'].map((file) =>
      path.join(folderOf(VGG), file),
    ) as [string, string]
    const search = { model, data, minutes: MINUTES, maxDrop: MAX_DROP }
    const { trials, originalDownloadBytes, winner } = await searched(THIS, search)
    if (!winner) throw new Error('the search has no winner')
    const { downloadBytes, lost } = winner
    return [
      { what: 'recipes tried', value: trials.length, unit: '', digits: 0 },
      { what: 'the winner loses on all samples', value: lost, unit: 'pt', wanted: { atMost: MAX_DROP } },
      {
        what: 'download of the original ÷ the winner',
        value: originalDownloadBytes / downloadBytes,
        unit: '×',
        wanted: { atLeast: 40 },
      },
    ]
  },
}
