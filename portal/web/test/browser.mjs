// What every browser check here needs: Debian's chromium, quiet.
export const chromiumPath = process.env.CHROMIUM || '/usr/bin/chromium'
export const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'
]

// patience is how long a page may take before a script gives it up, in ms: machines may be busy, and a page that hangs
// is ended by the test's own limit.
export const patience = Number(process.env.CHOP_PATIENCE || 300) * 1000

// authenticator gives a page a virtual passkey device that always says yes.
export async function authenticator (page, more = {}) {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
      isUserVerified: true, hasPrf: true, automaticPresenceSimulation: true, ...more
    }
  })
  return { cdp, authenticatorId }
}
