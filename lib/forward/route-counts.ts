import { Durations } from '../pool/durations.js'

/** What is counted of an entry: plain numbers, which somebody may come and look at. */
export class RouteCounts {
  /** Requests that ended, by the first digit of the status that the client got; 0 for none. */
  readonly requests: number[] = [0, 0, 0, 0, 0, 0]
  /** Tries that failed and were followed by another. */
  retries = 0
  /** From the head of the request to the end of the answer. */
  readonly duration: Durations = new Durations()

  /** A request ended. `duration` in milliseconds. */
  ended(status: number, duration: number): void {
    this.requests[status < 600 ? Math.floor(status / 100) : 0]!++
    this.duration.observe(duration)
  }
}
