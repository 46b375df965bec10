// A real browser on the real origin. The environment says where: CHOP_ORIGIN is
// the origin's address, CHOP_SOCKETS the folder of the sockets that it asks.
import { chromium } from 'playwright-core';
import { Stub } from './stub.mjs';

const { CHOP_ORIGIN: origin, CHOP_SOCKETS: sockets, CHROMIUM = '/usr/bin/chromium' } = process.env;
export { origin };

export async function start() {
  const stub = new Stub();
  await stub.listen(sockets);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  return {
    stub, browser,
    async close() {
      await browser.close();
      stub.close();
    },
  };
}

/** A tab of its own profile. What the page says on its console is kept in tab.said. */
export async function tab(browser, { width = 800, height = 900, locale = 'en-HK', touch = false, scheme = 'light', prf = true, scale = 1, backup = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale, hasTouch: touch, isMobile: touch, colorScheme: scheme, deviceScaleFactor: scale, reducedMotion: 'reduce' });
  context.setDefaultTimeout(300000); // machines may be busy
  const page = await context.newPage();
  page.said = [];
  page.on('console', (m) => page.said.push(`${m.type()}: ${m.text()}`));
  page.on('pageerror', (e) => page.said.push(`pageerror: ${e.message}`));
  page.posted = [];
  page.on('request', (r) => page.posted.push(`${r.url()} ${r.postData() ?? ''}`));
  const cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      hasPrf: prf, automaticPresenceSimulation: true, defaultBackupEligibility: backup, defaultBackupState: backup,
    },
  });
  return Object.assign(page, { cdp, authenticatorId });
}

/** Opens a task, as from a link. */
export async function go(page, fragment) {
  await page.goto(`${origin}/${fragment}`);
  await page.waitForSelector('h1:not(.loading)');
}

/** Scrolls through all documents until the button can be pressed, or something could not be drawn. */
export async function readAll(page) {
  const button = page.locator('button.sign');
  for (let i = 0; i < 200; i++) {
    if (await page.locator('.message.problem').count()) return false;
    if (await button.isEnabled()) return true;
    const jump = page.locator('.bar button');
    if (await jump.isVisible()) await jump.click({ timeout: 2000 }).catch(() => {});
    await page.mouse.wheel(0, 400);
    await page.waitForTimeout(60);
  }
  return false;
}
