import { byCoreMark, defineBoard } from './c99'
import { CORTEX_M7 } from './compilers'

export const cortexM7 = defineBoard({
  id: 'cortex-m7',
  title: 'Cortex-M7 microcontroller',
  detail: '1 MiB of flash, 320 KiB of RAM, 216 MHz, floating point unit (STM32F746)',
  board: {
    flashBytes: 1024 * 1024,
    ramBytes: 320 * 1024,
    clockHz: 216e6,
    // The instructions of a Cortex-M4, of which it may issue two a cycle.
    cyclesPerMac: { float32: 4.8, int8: 5.5 },
    compiler: CORTEX_M7,
  },
  sources: ['STMicroelectronics, DS10916 (STM32F745xx/746xx)', byCoreMark('Cortex-M7 5.01')],
})
