/** What is to come, in the order of time. */

/**
 * A binary heap of items by time. Items of the same time come out in an order that depends on nothing but what was put
 * in.
 *
 * @template T
 */
export class Agenda {
  #times = new Float64Array(1024)
  /** @type {T[]} */
  #items = []
  #size = 0

  /** Time of the first item; Infinity when there is none. */
  get time() {
    return this.#size === 0 ? Infinity : this.#times[0]
  }

  /**
   * @param {number} time
   * @param {T} item
   */
  push(time, item) {
    if (this.#size === this.#times.length) {
      const times = new Float64Array(2 * this.#size)
      times.set(this.#times)
      this.#times = times
    }
    let place = this.#size++
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (this.#times[parent] <= time) break
      this.#times[place] = this.#times[parent]
      this.#items[place] = this.#items[parent]
      place = parent
    }
    this.#times[place] = time
    this.#items[place] = item
  }

  /** Takes the first item. There has to be one. */
  shift() {
    const first = this.#items[0]
    const size = --this.#size
    const time = this.#times[size]
    const item = this.#items[size]
    let place = 0
    for (;;) {
      let below = 2 * place + 1
      if (below >= size) break
      if (below + 1 < size && this.#times[below + 1] < this.#times[below]) below++
      if (this.#times[below] >= time) break
      this.#times[place] = this.#times[below]
      this.#items[place] = this.#items[below]
      place = below
    }
    this.#times[place] = time
    this.#items[place] = item
    return first
  }
}

/**
 * Items that all take the same time, and so come out as they went in: what is under way on the network.
 *
 * @template T
 */
export class Delay {
  #times = new Float64Array(1024)
  /** @type {T[]} */
  #items = new Array(1024)
  #first = 0
  #size = 0

  /** Time of the first item; Infinity when there is none. */
  get time() {
    return this.#size === 0 ? Infinity : this.#times[this.#first]
  }

  /**
   * @param {number} time not before that of the item before
   * @param {T} item
   */
  push(time, item) {
    if (this.#size === this.#times.length) this.#grow()
    const at = (this.#first + this.#size++) & (this.#times.length - 1)
    this.#times[at] = time
    this.#items[at] = item
  }

  /** Takes the first item. There has to be one. */
  shift() {
    const item = this.#items[this.#first]
    this.#first = (this.#first + 1) & (this.#times.length - 1)
    this.#size--
    return item
  }

  #grow() {
    const length = this.#times.length
    const times = new Float64Array(2 * length)
    const items = new Array(2 * length)
    for (let i = 0; i < length; i++) {
      const from = (this.#first + i) & (length - 1)
      times[i] = this.#times[from]
      items[i] = this.#items[from]
    }
    this.#times = times
    this.#items = items
    this.#first = 0
  }
}
