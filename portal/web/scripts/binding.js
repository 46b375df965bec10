// The desk's QR code carries its token in the fragment, which no server sees or logs. The
// page takes it out of the address, and hands it in once.
export function binding () {
  const form = document.querySelector('form[data-bind]')
  if (!form) return
  const token = location.hash.slice(1)
  history.replaceState(null, '', location.pathname)
  if (!token) {
    document.querySelector('[data-no-token]').hidden = false
    return
  }
  form.elements.token.value = token
  form.hidden = false
}
