/** The scalings of pixels that published recipes train with. */
import { IMAGENET, MNIST } from './image-input'

/** (pixel − mean) / std of pixels in 0…1, by channel in the order fed or in all. */
export interface Convention {
  mean: number[]
  std: number[]
  words: string
}

const ANY: Convention[] = [
  { mean: [0], std: [1], words: 'pixels scaled to 0…1' },
  { mean: [0.5], std: [0.5], words: 'pixels scaled to −1…1' },
  { mean: [0], std: [1 / 255], words: 'pixels left at 0…255' },
  { mean: [127 / 255], std: [128 / 255], words: '127 taken off the pixels, divided by 128' },
  { mean: [0.5], std: [1], words: 'pixels scaled to −0.5…0.5' },
  { mean: [128 / 255], std: [1 / 255], words: '128 taken off the pixels' },
]

/** Statistics of the training images of data sets, as torchvision, Keras, CLIP (arXiv:2103.00020) and Caffe use them. */
const GREY: Convention[] = [
  { ...MNIST, words: 'pixels standardised as for MNIST' },
  { mean: [0.286], std: [0.353], words: 'pixels standardised as for Fashion-MNIST' },
]
const COLOUR: Convention[] = [
  { ...IMAGENET, words: 'pixels standardised as for ImageNet' },
  {
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
    words: 'pixels standardised as for CIFAR-10',
  },
  {
    mean: [0.5071, 0.4865, 0.4409],
    std: [0.2673, 0.2564, 0.2762],
    words: 'pixels standardised as for CIFAR-100',
  },
  {
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
    words: 'pixels standardised as for CLIP',
  },
  {
    mean: [103.939 / 255, 116.779 / 255, 123.68 / 255],
    std: [1 / 255],
    words: 'channel means taken off, as Caffe does',
  },
]

export const conventionsOf = (channels: number): Convention[] =>
  channels === 1 ? [...ANY, ...GREY] : channels === 3 ? [...ANY, ...COLOUR] : ANY
