// Pictures of every page, to be looked at. CHOP_SHOTS is the folder.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { go, origin, readAll, start, tab } from './browser.mjs';
import * as make from './make.mjs';

const out = process.env.CHOP_SHOTS;
await mkdir(out, { recursive: true });
const { stub, browser, close } = await start();
const form = (name, pages) => ({ name, bytes: make.pdf(pages) });
const LONG = 'Application for the renewal of a licence for a vehicle of the second category, with annexes A to F.pdf';
const services = { en: 'Transport Department', 'zh-HK': '運輸署', 'zh-CN': '运输署' };

for (const locale of ['en', 'zh-HK', 'zh-CN']) {
  for (const width of [360, 1280]) {
    const shot = async (page, name) => page.screenshot({ path: path.join(out, `${name}-${locale}-${width}.png`), fullPage: true });
    const fresh = () => tab(browser, { width, height: width === 360 ? 740 : 900, locale, touch: width === 360, scale: width === 360 ? 2 : 1 });
    const service = { id: 'td', name: services[locale] };
    const lines = (n) => ['Application for a vehicle licence', `Page ${n}`, 'Name: CHAN Tai Man', 'Address: 12 Example Street, Kowloon', 'Class of vehicle: private car'];

    let page = await fresh();
    await page.goto(origin);
    await page.waitForSelector('main a');
    await shot(page, 'home');

    await go(page, `#sign/${await stub.open([form('application.pdf', [lines(1), lines(2)])], { service })}`);
    await page.waitForSelector('canvas[data-drawn]');
    await page.waitForTimeout(300);
    await shot(page, 'sign1');
    await readAll(page);
    await page.locator('.quit button').nth(1).click();
    await page.screenshot({ path: path.join(out, `notme-${locale}-${width}.png`) });
    await page.locator('dialog button').nth(0).click();
    await page.waitForSelector('.message.note');
    await shot(page, 'notmedone');
    await page.context().close();

    page = await fresh();
    const longs = { id: 'td', name: locale === 'en' ? 'Office of the Commissioner for the Registration of Extraordinarily Long Departmental Names' : '香港特別行政區政府電訊管理局廣播事務及鐵路車輛登記聯合辦事處' };
    await go(page, `#sign/${await stub.open([form(LONG, [lines(1)]), form(locale === 'en' ? 'declaration.pdf' : '申請人聲明書（適用於私家車及電單車牌照續期申請人，包括附件甲至己）.pdf', [lines(1)])], { service: longs })}`);
    await readAll(page);
    await shot(page, 'sign2');
    await page.context().close();

    page = await fresh();
    await go(page, `#enrol/${stub.enrol()}`);
    await shot(page, 'enrol1');
    await page.locator('button.primary').click();
    await page.waitForSelector('.waiting');
    await shot(page, 'enrol2');
    const e = [...stub.enrolments.values()].at(-1).offer;
    Object.assign(e, { state: 'seal', ticket: Buffer.from(make.sha256('t')).toString('base64url') });
    await page.waitForSelector('button.primary');
    await shot(page, 'enrol3');
    await page.locator('button.primary').click();
    await page.waitForSelector('.waiting');
    e.state = 'issued';
    await page.waitForSelector('.message.good');
    await shot(page, 'enrol4');
    await go(page, `#sign/${await stub.open([form('application.pdf', [lines(1), lines(2)])], { service, passkey: e.passkey })}`);
    await readAll(page);
    await page.locator('button.sign').click();
    await page.waitForSelector('section.done');
    await page.waitForTimeout(400);
    await shot(page, 'done');
    await go(page, `#sign/${await stub.open([form('application.pdf', [lines(1)])], { service, state: 'expired' })}`);
    await shot(page, 'expired');
    await page.route('**/fonts/*', (r) => r.fulfill({ status: 404 }));
    await go(page, `#sign/${await stub.open([form('application.pdf', [lines(1)])], { service })}`);
    await page.waitForSelector('.message.problem');
    await shot(page, 'trouble');
    if (width === 360 && locale === 'en') console.log(page.said.join('\n'));
    await page.context().close();
  }
}
await close();
