/**
 * How far the stream is: a line that is drawn again on a terminal, else a line every tenth.
 */
import type { Tally } from './producers.ts'
import { durationText, integerText, msText, quantile } from './text.ts'

/** Where the demo writes. */
export interface Output {
  write(text: string): void
  /** Columns of the terminal; null when it is none. */
  readonly columns: number | null
}

/** A terminal is drawn no more often than this. */
const drawMs = 100

/** Receipts that the shown latency is of. */
const recentCalls = 500

export class Progress {
  readonly #total: number
  readonly #tally: Tally
  readonly #output: Output
  readonly #startMs = performance.now()
  #drawnMs = -Infinity
  #tenths = 0

  constructor(total: number, tally: Tally, output: Output) {
    this.#total = total
    this.#tally = tally
    this.#output = output
  }

  /** Time since the start, ms. */
  get elapsedMs(): number {
    return performance.now() - this.#startMs
  }

  /** To be called when the tally has changed. */
  update(): void {
    const { columns } = this.#output
    if (columns === null) {
      const tenths = Math.floor((this.#tally.acknowledged / this.#total) * 10)
      if (tenths > this.#tenths) this.#output.write(`  ${this.#text()}\n`)
      this.#tenths = tenths
    } else if (this.elapsedMs - this.#drawnMs >= drawMs) {
      this.#drawnMs = this.elapsedMs
      this.#draw(columns)
    }
  }

  /** Takes the line away; what has become of the stream is told elsewhere. */
  clear(): void {
    if (this.#output.columns !== null) this.#output.write('\r\u001B[2K')
  }

  #draw(columns: number): void {
    const text = this.#text()
    const width = Math.min(40, columns - text.length - 6)
    const bar = width < 8 ? '' : `${this.#bar(width)}  `
    // Cut to one line, or the next drawing would begin on the second.
    this.#output.write(`\r  ${`${bar}${text}`.slice(0, columns - 3)}\u001B[K`)
  }

  #bar(width: number): string {
    const full = Math.round((this.#tally.acknowledged / this.#total) * width)
    return '█'.repeat(full) + '░'.repeat(width - full)
  }

  #text(): string {
    const { acknowledged, ackMs } = this.#tally
    const perMs = acknowledged / this.elapsedMs
    const recent = ackMs.slice(-recentCalls)
    const latency = `p50 ${msText(quantile(recent, 0.5))} p99 ${msText(quantile(recent, 0.99))}`
    const left = durationText((this.#total - acknowledged) / perMs)
    const events = integerText(acknowledged).padStart(integerText(this.#total).length)
    return `${events} events  ${integerText(perMs * 1000)}/s  ack ${latency}  ${left} left`
  }
}
