/** The form that adds a server. What was typed stays until the server is there. */

import { setText } from './rows.js'

const form = /** @type {HTMLFormElement} */ (document.getElementById('add'))
const message = /** @type {HTMLElement} */ (document.getElementById('add-message'))
const { url, pool, weight, backup } =
  /** @type {Record<'url' | 'weight' | 'backup', HTMLInputElement> & { pool: HTMLSelectElement }} */ (
    /** @type {unknown} */ (Object.fromEntries([...form.elements].map((each) => [each.getAttribute('name'), each])))
  )

/**
 * Lists the pools to choose from in place: what is chosen stays chosen.
 * @param {HTMLSelectElement} select
 * @param {readonly string[]} names
 * @param {number} fixed how many options stay at its head
 */
export function showChoices(select, names, fixed = 0) {
  const options = [...select.options].slice(fixed)
  const isSame = options.length === names.length && options.every((option, index) => option.value === names[index])
  if (isSame) return
  const chosen = select.value
  for (const option of options) option.remove()
  for (const name of names) select.add(new Option(name, name))
  if (names.includes(chosen)) select.value = chosen
}

/** @param {readonly string[]} names */
export function showPoolsToAdd(names) {
  showChoices(pool, names)
}

/**
 * @param {string} text
 * @param {'error' | 'done' | 'busy'} kind
 */
function tell(text, kind) {
  message.className = kind
  setText(message, text)
  url.setAttribute('aria-invalid', String(kind === 'error'))
}

/** @param {(server: object) => Promise<{ status: number }>} add */
export function startAddForm(add) {
  let isBusy = false
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (isBusy) return
    isBusy = true
    tell('Adding…', 'busy')
    const server = { url: url.value.trim(), weight: weight.valueAsNumber, backup: backup.checked }
    try {
      // Without pools there is nothing to choose; the API says then what is wrong.
      const { status } = await add(pool.value === '' ? server : { ...server, pool: pool.value })
      tell(status === 201 ? `Added ${server.url}.` : `${server.url} was there already.`, 'done')
      // Whoever adds several types the next address.
      url.value = ''
    } catch (error) {
      tell(/** @type {Error} */ (error).message, 'error')
    } finally {
      isBusy = false
    }
  })
}
