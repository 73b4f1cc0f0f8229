/** The forms that each kind of sample is kept in. */
import { arrays, pictures, table, type Form } from './data-forms'

/** Of pictures [height, width, 1]: the same samples, read another way by each. */
export const PICTURE_FORMS: Record<string, Form> = {
  'PNG folders': pictures({}),
  'PNG folders by name': pictures({ named: true }),
  'PNG and a list': pictures({ listed: true }),
  'PNG twice as large': pictures({
    change: (image, width) => image.resize(2 * width, null, { kernel: 'nearest' }),
  }),
  'PNG dark on light': pictures({ change: (image) => image.negate() }),
  'PNG in colour': pictures({ change: (image) => image.toColourspace('srgb') }),
  'byte NPZ': arrays({ dtype: 'uint8', axes: [2, 0, 1] }),
  'byte NPZ channels last': arrays({ dtype: 'uint8' }),
  'byte NPZ flat from 1': arrays({ dtype: 'uint8', flat: true, first: 1 }),
  'float NPZ 0…1': arrays({ dtype: 'float32', axes: [2, 0, 1], of: (v) => v / 255 }),
  'float NPZ 0…255': arrays({ dtype: 'float32', axes: [2, 0, 1] }),
  'float NPZ −1…1': arrays({ dtype: 'float32', axes: [2, 0, 1], of: (v) => v / 127.5 - 1 }),
  'double NPZ standardised': arrays({ dtype: 'float64', axes: [2, 0, 1], of: (v) => (v / 255 - 0.3) / 0.4 }),
  'CSV of bytes': table({}),
  'CSV 0…1 with names last': table({
    of: (v) => (v / 255).toFixed(4),
    named: true,
    label: 'class',
    last: true,
  }),
  'CSV of bytes from 1': table({ first: 1 }),
}

/** Wider than the model takes, the digit in the middle: stretched it is half as wide, and only a crop is right. */
export const CROPPED_FORMS: Record<string, Form> = {
  'PNG folders': pictures({
    change: (image, width) =>
      image.extend({ left: width / 2, right: width / 2, background: { r: 90, g: 90, b: 90 } }),
  }),
}

export const BACKGROUND_FORMS: Record<string, Form> = Object.fromEntries(
  ['PNG folders', 'byte NPZ', 'float NPZ 0…1', 'CSV of bytes'].map((form) => [form, PICTURE_FORMS[form]!]),
)

/** Pictures in colour, as tools that read blue first take them. */
export const LINE_FORMS: Record<string, Form> = {
  'PNG folders': pictures({}),
  'PNG folders by name': pictures({ named: true }),
  'PNG and a list': pictures({ listed: true, named: true }),
  'byte NPZ': arrays({ dtype: 'uint8', axes: [2, 0, 1] }),
  'byte NPZ channels last': arrays({ dtype: 'uint8' }),
  'float NPZ 0…1': arrays({ dtype: 'float32', axes: [2, 0, 1], of: (v) => v / 255 }),
}

const CHANNELS = [
  [3, 0.5],
  [-20, 2],
  [0.1, 40],
] as const

export const WINDOW_FORMS: Record<string, Form> = {
  'float NPZ': arrays({ dtype: 'float32', of: (v) => v / 256 }),
  'int16 NPZ of counts': arrays({ dtype: 'int16', of: Math.round }),
  'float NPZ channels last': arrays({ dtype: 'float32', axes: [1, 0], of: (v) => v / 256 }),
  'float NPZ flat': arrays({ dtype: 'float32', flat: true, of: (v) => v / 256 }),
  'float NPZ flat by steps': arrays({ dtype: 'float32', axes: [1, 0], flat: true, of: (v) => v / 256 }),
  'float NPZ in other units': arrays({
    dtype: 'float32',
    of: (v, at) => CHANNELS[Math.floor(at / 1024)]![0] + (CHANNELS[Math.floor(at / 1024)]![1] * v) / 256,
  }),
  'CSV of counts with names': table({ of: Math.round, named: true }),
  'CSV from 1': table({ of: (v) => (v / 256).toFixed(5), first: 1 }),
}

/** Position in cm, angles in degrees and shifted readings. */
const UNITS = [
  [0, 100],
  [1, 100],
  [90, 180 / Math.PI],
  [0, 180 / Math.PI],
  [-5, 3],
] as const

export const COLUMN_FORMS: Record<string, Form> = {
  'float NPZ': arrays({ dtype: 'float32' }),
  'double NPZ': arrays({ dtype: 'float64' }),
  'float NPZ in other units': arrays({
    dtype: 'float32',
    of: (v, at) => UNITS[at]![0] + UNITS[at]![1] * v,
  }),
  CSV: table({}),
  'CSV with labels last': table({ label: 'force', last: true }),
  'CSV in other units': table({
    label: 'force',
    last: true,
    of: (v, at) => UNITS[at]![0] + UNITS[at]![1] * v,
  }),
}
