/** Questions that the page asks. */

const confirmation = /** @type {HTMLDialogElement} */ (document.getElementById('confirm'))
const tokenDialog = /** @type {HTMLDialogElement} */ (document.getElementById('token'))

/** @param {HTMLDialogElement} dialog */
function closed(dialog) {
  return new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }))
}

/**
 * Whether a server is to be removed, and how.
 * @param {{ id: string, pool: string }} server
 * @returns {Promise<'no' | 'at once' | 'drained'>}
 */
export async function confirmRemoval({ id, pool }) {
  const title = /** @type {HTMLElement} */ (confirmation.querySelector('h2'))
  const isDrained = /** @type {HTMLInputElement} */ (confirmation.querySelector('input'))
  title.textContent = `Remove ${id} from ${pool}?`
  isDrained.checked = true
  confirmation.returnValue = 'cancel'
  confirmation.showModal()
  await closed(confirmation)
  if (confirmation.returnValue !== 'remove') return 'no'
  return isDrained.checked ? 'drained' : 'at once'
}

/**
 * The token, from whoever has it; null when nobody does.
 * @param {boolean} wasRefused there was one, and it was wrong
 */
export async function askToken(wasRefused) {
  const input = /** @type {HTMLInputElement} */ (tokenDialog.querySelector('input'))
  const message = /** @type {HTMLElement} */ (document.getElementById('token-message'))
  input.value = ''
  tokenDialog.returnValue = 'cancel'
  // A question about something else may stand open: the one about the token comes on top.
  tokenDialog.showModal()
  message.textContent = wasRefused ? 'This token was not accepted.' : ''
  input.focus()
  await closed(tokenDialog)
  const token = input.value.trim()
  input.value = ''
  return tokenDialog.returnValue === 'use' && token !== '' ? token : null
}

// Not a submit button: the form would first ask for the token that it requires.
tokenDialog.querySelector('button[value=cancel]')?.addEventListener('click', () => tokenDialog.close('cancel'))
