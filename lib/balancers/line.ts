/** A first-in, first-out line with a limit, which moves nothing and makes nothing. */
export class Line<Item> {
  readonly #places: (Item | undefined)[]
  #first = 0
  #length = 0

  constructor(limit: number) {
    this.#places = new Array<Item | undefined>(limit).fill(undefined)
  }

  get length(): number {
    return this.#length
  }

  /** Puts one at the end; throws a RangeError when there is no room. */
  push(item: Item): void {
    const { length } = this.#places
    if (this.#length === length) throw new RangeError(`no room for more than ${length}`)
    const at = this.#first + this.#length++
    this.#places[at < length ? at : at - length] = item
  }

  /** Takes the one that has waited longest; undefined when there is none. */
  shift(): Item | undefined {
    if (this.#length === 0) return undefined
    const item = this.#places[this.#first]
    this.#places[this.#first] = undefined
    this.#first = this.#first + 1 < this.#places.length ? this.#first + 1 : 0
    this.#length--
    return item
  }
}
