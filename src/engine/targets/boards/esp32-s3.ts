import { byCoreMark, defineBoard } from './c99'
import { XTENSA_S3 } from './compilers'

export const esp32s3 = defineBoard({
  id: 'esp32-s3',
  title: 'ESP32-S3',
  detail: '8 MiB of flash, 512 KiB of RAM, 240 MHz, floating point unit; plain C, without its vector unit',
  board: {
    flashBytes: 8 * 1024 * 1024,
    ramBytes: 512 * 1024,
    clockHz: 240e6,
    // Those of a Cortex-M4 at the CoreMark's share.
    cyclesPerMac: { float32: 9.4, int8: 10.7 },
    compiler: XTENSA_S3,
  },
  sources: [
    'Espressif, ESP32-S3 Series Datasheet; ESP32-S3-WROOM-1-N8',
    byCoreMark('ESP32-S3, one core, 2.56 (its datasheet)'),
  ],
})
