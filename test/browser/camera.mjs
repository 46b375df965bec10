// A camera and whoever stands before it. Chromium's camera is a film in a file, read frame by frame and over
// again; what it shows is changed by writing another film of the same length over it. A person does what the
// page asks: when the server's answer names a pose, it is in the film before the page hears of it.
import { copyFileSync, openSync, readFileSync, writeSync } from 'node:fs'
import { house, launch } from './house.mjs'

const films = new Map()
function film (name) {
  if (!films.has(name)) films.set(name, readFileSync(`${house.films}/${name}.y4m`))
  return films.get(name)
}

/** Starts a browser with a camera that shows a film, and returns {browser, show, obey}. */
export async function camera (name, first) {
  const path = `${house.out}/${name}.y4m`
  copyFileSync(`${house.films}/${first}.y4m`, path)
  const file = openSync(path, 'r+')
  const show = (film_) => writeSync(file, film(film_), 0, film(film_).length, 0)
  const browser = await launch('--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${path}`)
  return { browser, show, obey: (page) => obey(page, show) }
}

/** Has the person before the camera take each pose that a page is about to ask for. */
async function obey (page, show) {
  page.frames = [] // what the server said of each
  await page.cdp.send('Fetch.enable', { patterns: [{ urlPattern: '*/face/*', requestStage: 'Response' }] })
  page.cdp.on('Fetch.requestPaused', async ({ requestId, responseStatusCode }) => {
    try {
      if (responseStatusCode === 200) {
        const { body, base64Encoded } = await page.cdp.send('Fetch.getResponseBody', { requestId })
        const said = JSON.parse(base64Encoded ? Buffer.from(body, 'base64').toString() : body)
        page.frames.push(said)
        if (said.pose) show(said.pose)
      }
    } finally {
      await page.cdp.send('Fetch.continueRequest', { requestId })
    }
  })
}
