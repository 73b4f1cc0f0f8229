/** What a model can be made for, as the engine declares it. */
export interface TargetDescription {
  id: string
  /** Short names that the command line takes too. */
  aliases: string[]
  title: string
  /** A few words on what is special there. */
  detail: string
  /** What Pare does with a model that goes there, in one sentence. */
  does: string
  /** What computes there. */
  runtime: string
  /** Latency there is estimated from operator costs; else it is measured on this machine. */
  estimated: boolean
  /** A microcontroller: flash and RAM are counted, and limited by what it has where a chip is named; bytes. */
  board?: { flashBytes?: number; ramBytes?: number }
  /** Papers, tables and documents. */
  sources: string[]
}
