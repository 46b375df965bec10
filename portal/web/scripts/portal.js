// The portal works without this where it can. It adds: passkeys (which need script), waiting
// pages that look by themselves, and the comforts of govuk-frontend's components.
import { Button, ErrorSummary, SkipLink } from 'govuk-frontend'
import { passkeys } from './passkey.js'
import { waiting } from './waiting.js'
import { binding } from './binding.js'
import { camera } from './camera.js'

document.body.classList.add('js-enabled', 'govuk-frontend-supported')
for (const Part of [Button, ErrorSummary, SkipLink]) {
  for (const element of document.querySelectorAll(`[data-module="${Part.moduleName}"]`)) {
    try { new Part(element) } catch (e) { console.error(e) }
  }
}
passkeys()
waiting()
binding()
camera()

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false
  button.addEventListener('click', () => print())
}
