import { defineBoard } from './c99'
import { CORTEX_M4F } from './compilers'

export const cortexM4f = defineBoard({
  id: 'cortex-m4f',
  aliases: ['arduino-nano-33'],
  title: 'Cortex-M4F microcontroller',
  detail: '1 MiB of flash, 256 KiB of RAM, 64 MHz, floating point unit (nRF52840, as of Arduino Nano 33 BLE)',
  board: {
    flashBytes: 1024 * 1024,
    ramBytes: 256 * 1024,
    clockHz: 64e6,
    // 4.9 and 6.1 instructions, of which loads, stores and taken branches take two cycles.
    cyclesPerMac: { float32: 7, int8: 8 },
    compiler: CORTEX_M4F,
  },
  sources: ['Nordic Semiconductor, nRF52840 Product Specification v1.7'],
})
