/** Progress over a whole run: stages of unequal weight, and an estimate of the time left. */
import { performance } from 'node:perf_hooks'

export interface ProgressReport {
  /** 0 … 1 over the whole work; never falls. */
  done: number
  doing: string
  /** Seconds left; absent until enough was seen to say. */
  etaSeconds?: number
  /** Position of the pass that runs, where one does. */
  step?: number
}

export interface Stage {
  weight: number
  /** Position of the pass, for stages that are one. */
  step?: number
  /** Said when the stage begins. */
  doing: string
}

/** Reports closer together than this are dropped, except the first of a stage. */
const LEAST_MS_BETWEEN = 100
/** No estimate before this much was seen. */
const ETA_AFTER_MS = 1500
const ETA_AFTER_DONE = 0.02
/** Share of the newest estimate in the one that is shown. */
const SMOOTHING = 0.2

export class Progress {
  private readonly total: number
  private current = -1
  private finished = 0
  /** Weight of stages that were already done when the work began; it took no time now. */
  private free = 0
  private inside = 0
  private doing = ''
  private shown = 0
  private readonly started: number
  private lastReport = -Infinity
  private eta?: { seconds: number; at: number }
  /** What is left was told beforehand, and nothing was measured yet. */
  private isExpected: boolean

  constructor(
    private readonly stages: readonly Stage[],
    private readonly report: (report: ProgressReport) => void,
    private readonly now: () => number = () => performance.now(),
    /** Weights are the seconds that stages are expected to take: what is left is told from the start. */
    inSeconds = false,
  ) {
    this.total = stages.reduce((sum, stage) => sum + stage.weight, 0) || 1
    this.started = now()
    this.isExpected = inSeconds
    if (inSeconds) this.eta = { seconds: this.total, at: this.started }
  }

  /** Ends the stage that runs and begins the next one. Gives the function that reports within it. */
  next(): (done: number, doing?: string) => void {
    this.leave()
    this.current++
    this.doing = this.stages[this.current]?.doing ?? ''
    this.emit(true)
    return (done, doing) => {
      this.inside = Math.max(this.inside, Math.min(1, Math.max(0, done)))
      if (doing !== undefined) this.doing = doing
      this.emit(false)
    }
  }

  /** Passes over a stage whose result is there already. */
  skip(): void {
    this.leave()
    const weight = this.stages[++this.current]?.weight ?? 0
    // What was told beforehand is in seconds, and so is the weight then; what was measured leaves the stage out itself.
    if (this.isExpected && this.eta) this.eta.seconds -= weight
    this.free += weight
  }

  /** Passes over what is left before the stage at `index`, because it will not be done. */
  skipTo(index: number): void {
    while (this.current < index - 1) this.skip()
  }

  finish(): void {
    this.leave()
    this.finished = this.total
    this.emit(true)
  }

  private leave(): void {
    this.finished += this.stages[this.current]?.weight ?? 0
    this.inside = 0
  }

  private emit(always: boolean): void {
    const now = this.now()
    if (!always && now - this.lastReport < LEAST_MS_BETWEEN) return
    this.lastReport = now
    const stage = this.stages[this.current]
    const running = (stage?.weight ?? 0) * this.inside
    const weight = Math.min(this.total, this.finished + running)
    this.shown = Math.max(this.shown, weight / this.total)
    const etaSeconds = this.estimate(weight, now)
    this.report({
      done: this.shown,
      doing: this.doing,
      ...(etaSeconds !== undefined && { etaSeconds }),
      ...(stage?.step !== undefined && { step: stage.step }),
    })
  }

  /** Time left at the rate so far, blended with what was said before so that it does not jump. */
  private estimate(weight: number, now: number): number | undefined {
    const elapsed = now - this.started
    const worked = weight - this.free
    if (elapsed < ETA_AFTER_MS || worked / this.total < ETA_AFTER_DONE)
      return this.eta && Math.max(0, Math.round(this.eta.seconds - (now - this.eta.at) / 1000))
    this.isExpected = false
    const raw = ((elapsed / worked) * (this.total - weight)) / 1000
    const before = this.eta ? Math.max(0, this.eta.seconds - (now - this.eta.at) / 1000) : raw
    const seconds = before + SMOOTHING * (raw - before)
    this.eta = { seconds, at: now }
    return Math.max(0, Math.round(seconds))
  }
}
