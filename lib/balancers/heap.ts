/** What can stand in a {@link Heap}. */
export interface HeapNode {
  /** Its index in the heap, kept by the heap; -1 outside of one. */
  place: number
}

/** A binary heap whose nodes know their place, so that one whose key has changed can be moved. */
export class Heap<Node extends HeapNode> {
  /** The first one comes out first; the others are in the order of a heap. */
  readonly nodes: Node[] = []
  readonly #before: (a: Node, b: Node) => boolean

  /** `before(a, b)`: a comes out earlier than b. */
  constructor(before: (a: Node, b: Node) => boolean) {
    this.#before = before
  }

  /** Replaces the content, in linear time. */
  fill(nodes: Iterable<Node>): void {
    for (const node of this.nodes) node.place = -1
    this.nodes.length = 0
    for (const node of nodes) node.place = this.nodes.push(node) - 1
    for (let place = (this.nodes.length - 2) >> 1; place >= 0; place--) this.#sink(this.nodes[place]!)
  }

  /** Puts a node whose key has changed where it belongs. */
  moved(node: Node): void {
    const { place } = node
    if (place > 0 && this.#before(node, this.nodes[(place - 1) >> 1]!)) this.#rise(node)
    else this.#sink(node)
  }

  #rise(node: Node): void {
    let { place } = node
    while (place > 0) {
      const parent = this.nodes[(place - 1) >> 1]!
      if (!this.#before(node, parent)) break
      this.nodes[place] = parent
      const above = parent.place
      parent.place = place
      place = above
    }
    this.nodes[place] = node
    node.place = place
  }

  #sink(node: Node): void {
    let { place } = node
    const { length } = this.nodes
    for (;;) {
      let below = 2 * place + 1
      if (below >= length) break
      if (below + 1 < length && this.#before(this.nodes[below + 1]!, this.nodes[below]!)) below++
      const child = this.nodes[below]!
      if (!this.#before(child, node)) break
      this.nodes[place] = child
      child.place = place
      place = below
    }
    this.nodes[place] = node
    node.place = place
  }
}
