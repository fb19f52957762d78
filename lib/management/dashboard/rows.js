/** Parts of the page that repeat, made from templates. All text from outside is put in as text, never as markup. */

/**
 * @typedef {object} Row
 * @property {HTMLElement} element
 * @property {Record<string, HTMLElement>} cells by their `data-cell`
 */

/**
 * A copy of what a template holds.
 * @param {string} template its id
 * @returns {Row}
 */
export function fromTemplate(template) {
  const holder = /** @type {HTMLTemplateElement} */ (document.getElementById(template))
  const content = /** @type {DocumentFragment} */ (holder.content.cloneNode(true))
  const element = /** @type {HTMLElement} */ (content.firstElementChild)
  return { element, cells: cellsOf(element) }
}

/**
 * @param {HTMLElement} element
 * @returns {Record<string, HTMLElement>}
 */
export function cellsOf(element) {
  const cells = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll('[data-cell]'))
  return Object.fromEntries([...cells].map((cell) => [cell.dataset.cell, cell]))
}

/**
 * Writes a text where it differs, so that what is selected or being read stays as it is.
 * @param {HTMLElement | undefined} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element !== undefined && element.textContent !== text) element.textContent = text
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string} value
 */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value)
}

/**
 * Rows that follow a list: one for each key, changed in place. So the focus stays where it is while the list lives.
 * @template Item
 */
export class Rows {
  #parent
  #template
  #refuge
  /** @type {Map<string, Row>} */
  #rows = new Map()

  /**
   * @param {HTMLElement} parent
   * @param {string} template id of the template of a row
   * @param {HTMLElement | null} refuge gets the focus when the row that had it is gone
   */
  constructor(parent, template, refuge = null) {
    this.#parent = parent
    this.#template = template
    this.#refuge = refuge
  }

  /**
   * @param {readonly Item[]} items
   * @param {(item: Item) => string} keyOf
   * @param {(row: Row, item: Item, isNew: boolean) => void} fill
   */
  show(items, keyOf, fill) {
    const focused = document.activeElement
    const keys = new Set(items.map(keyOf))
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue
      row.element.remove()
      this.#rows.delete(key)
    }
    let place = this.#parent.firstElementChild
    for (const item of items) {
      const key = keyOf(item)
      const known = this.#rows.get(key)
      const row = known ?? fromTemplate(this.#template)
      this.#rows.set(key, row)
      if (row.element === place) place = place.nextElementSibling
      else this.#parent.insertBefore(row.element, place)
      fill(row, item, known === undefined)
    }
    this.#refocus(focused)
  }

  /** @param {string} key */
  get(key) {
    return this.#rows.get(key)
  }

  /** @param {Element | null} focused what had the focus before */
  #refocus(focused) {
    if (focused === document.activeElement || !(focused instanceof HTMLElement)) return
    const target = focused.isConnected ? focused : this.#refuge
    target?.focus({ preventScroll: true })
  }
}
