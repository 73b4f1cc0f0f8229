import { byCoreMark, defineBoard } from './c99'
import { CORTEX_M0PLUS } from './compilers'

export const cortexM0plus = defineBoard({
  id: 'cortex-m0plus',
  title: 'Cortex-M0+ microcontroller',
  detail: '128 KiB of flash, 36 KiB of RAM, 64 MHz, no floating point unit (STM32G071)',
  board: {
    flashBytes: 128 * 1024,
    ramBytes: 36 * 1024,
    clockHz: 64e6,
    // 8.2 and 194 instructions there, at the CoreMark's share of a Cortex-M4's in a cycle.
    cyclesPerMac: { float32: 250, int8: 11 },
    compiler: CORTEX_M0PLUS,
  },
  sources: ['STMicroelectronics, DS12232 (STM32G071x8/xB)', byCoreMark('Cortex-M0+ 2.46')],
})
