import { byCoreMark, defineBoard } from './c99'
import { RV32IMC } from './compilers'

export const esp32c3 = defineBoard({
  id: 'esp32-c3',
  aliases: ['risc-v'],
  title: 'RISC-V microcontroller',
  detail: '4 MiB of flash, 400 KiB of RAM, 160 MHz, RV32IMC without floating point unit (ESP32-C3)',
  board: {
    flashBytes: 4 * 1024 * 1024,
    ramBytes: 400 * 1024,
    clockHz: 160e6,
    // Those of a Cortex-M4 at the CoreMark's share; floats by the 93 instructions they take on a Cortex-M3, in software.
    cyclesPerMac: { float32: 155, int8: 10.7 },
    compiler: RV32IMC,
  },
  sources: ['Espressif, ESP32-C3 Series Datasheet', byCoreMark('ESP32-C3 2.55 (its datasheet)')],
})
