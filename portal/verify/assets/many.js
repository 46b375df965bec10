// The table of many documents. The browser keeps everything: the server judges one file a request and forgets it.
// A row's data are in the language-free form that the server sends, with its words in each language.
const texts = JSON.parse(document.getElementById('texts').textContent)
const lang = texts.lang
const say = (key, ...args) => args.reduce((s, a, i) => s.replaceAll(`%[${i + 1}]s`, a).replace('%d', a), texts[key])
const $ = (id) => document.getElementById(id)
const body = document.querySelector('#rows tbody')
const rows = [] // {name, file, with, state: waiting|sending|done|lost|refused|gone, got, why}
const atOnce = 3
let running = 0, paused = false, filter = 'all', query = '', wait = null

// plain shows what a file's name hides: characters that turn the direction of writing, or are not seen.
const plain = (s) => s.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'))
const make = (tag, attributes = {}, ...children) => {
  const e = document.createElement(tag)
  for (const [k, v] of Object.entries(attributes)) if (v !== null) e.setAttribute(k, v)
  e.append(...children)
  return e
}
const moment = (iso) => new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang === 'zh-Hans' ? 'zh-CN' : 'zh-HK', { dateStyle: lang === 'en' ? 'medium' : 'long', timeStyle: 'short', hourCycle: 'h23', timeZone: 'Asia/Hong_Kong' }).format(new Date(iso))
const headings = [...document.querySelectorAll('#rows th')].map((th) => th.textContent)

// Rows

function add (files) {
  const names = new Map([...files].map((f) => [f.name, f]))
  const paired = new Set()
  const given = []
  for (const f of files) {
    const base = /\.(p7s|p7m|sig|xsig|jws)$/i.test(f.name) ? names.get(f.name.replace(/\.[^.]+$/, '')) : null
    if (base && !/\.pdf$/i.test(base.name)) paired.add(base)
    given.push({ name: f.name, size: f.size, file: f, with: base || null, state: 'waiting' })
  }
  const list = given.filter((r) => !paired.has(r.file))
  const room = texts.rows - rows.length
  if (list.length > room) announce(say('many-too-many', list.length - room), true)
  for (const r of list.slice(0, Math.max(0, room))) {
    if (r.size + (r.with ? r.with.size : 0) > texts.bytes) { r.state = 'refused'; r.why = texts['row-large'] }
    rows.push(r)
    place(r)
  }
  $('table').hidden = rows.length === 0
  refresh()
  pump()
}

function place (r) {
  r.tr = make('tr')
  body.append(r.tr)
  draw(r)
}

function cell (i, ...children) { return make('td', { 'data-label': headings[i] }, ...children) }

function draw (r) {
  const had = r.tr.contains(document.activeElement)
  const name = plain(r.name)
  const first = cell(0)
  first.removeAttribute('data-label')
  if (r.state === 'done') {
    const button = make('button', { type: 'button', class: 'open', 'aria-expanded': String(Boolean(r.more)), 'aria-label': say('row-open', name) }, name)
    button.addEventListener('click', () => toggle(r))
    first.append(button)
  } else first.append(make('span', { class: 'file' }, name))
  if (r.with || r.withName) first.append(make('span', { class: 'with' }, say('row-with', plain(r.withName || r.with.name))))
  const cells = [first]
  if (r.state === 'done') {
    const g = r.got
    const word = make('span', { class: 'word word--' + g.verdict }, $('shape-' + g.verdict).content.cloneNode(true), texts['verdict-' + g.verdict])
    const verdict = cell(1, word, make('span', { class: 'why' }, g.reason[lang]))
    verdict.removeAttribute('data-label')
    cells.push(verdict, cell(2, g.signers.join(lang === 'en' ? '; ' : '；')))
    cells.push(g.time ? cell(3, make('time', { datetime: g.time }, moment(g.time)), make('span', { class: 'note' }, texts[g.time_proven ? 'row-proven' : 'row-claimed'])) : cell(3))
    const changes = g.signers.length && g.modifications ? texts['changes-' + g.modifications] : ''
    cells.push(cell(4, ...(changes ? [changes] : []), ...(g.visible_changes ? [make('span', { class: 'note' }, say('changes-seen', g.visible_changes))] : [])))
    cells.push(cell(5, g.ordinance ? texts['eto-' + g.ordinance.replaceAll(' ', '-')] : ''))
  } else {
    const state = cell(1, make('span', { class: 'word word--' + (r.state === 'waiting' || r.state === 'sending' ? 'open' : 'lost') }, texts['row-' + (r.state === 'gone' ? 'refused' : r.state)]))
    state.removeAttribute('data-label')
    if (r.why) state.append(make('span', { class: 'why' }, r.why))
    if (r.state === 'lost' || (r.state === 'refused' && r.file && r.why !== texts['row-large'])) {
      const again = make('button', { type: 'button', class: 'again', 'aria-label': texts['row-again'] + ': ' + name }, texts['row-again'])
      again.addEventListener('click', () => { r.state = 'waiting'; r.why = ''; draw(r); paused = false; $('lost').hidden = true; refresh(); pump() })
      state.append(again)
    }
    cells.push(state, cell(2), cell(3), cell(4), cell(5))
  }
  r.tr.replaceChildren(...cells)
  r.tr.dataset.state = r.state
  r.tr.dataset.verdict = r.got ? r.got.verdict : ''
  if (had) r.tr.querySelector('button')?.focus()
  show(r)
}

function toggle (r) {
  if (r.more) { r.more.remove(); r.more = null } else {
    const td = make('td', { colspan: '6' })
    for (const d of r.got.details[lang]) {
      td.append(make('div', d.mark ? { class: 'hatched' } : {}, make('h2', {}, ...(d.mark ? [make('mark', {}, d.title)] : [d.title])), make('ul', {}, ...d.lines.map((l) => make('li', {}, l)))))
    }
    if (!td.children.length) td.append(r.got.reason[lang])
    r.more = make('tr', { class: 'details' }, td)
    r.tr.after(r.more)
  }
  r.tr.querySelector('.open').setAttribute('aria-expanded', String(Boolean(r.more)))
  show(r)
}

// Sending

async function pump () {
  while (!paused && running < atOnce) {
    const r = rows.find((x) => x.state === 'waiting')
    if (!r) return
    running++
    r.state = 'sending'
    draw(r)
    send(r).finally(() => { running--; refresh(); pump() })
  }
}

async function send (r) {
  const form = new FormData()
  form.append('kind', r.kind = $('kind').value)
  form.append('document', r.file, r.name)
  if (r.with) form.append('detached', r.with, r.with.name)
  let answer
  try {
    answer = await fetch('/verify/files', { method: 'POST', body: form, headers: { Accept: 'application/json' } })
    if (answer.ok) {
      r.got = await answer.json()
      r.state = 'done'
      draw(r)
      return
    }
  } catch {
    return lost(r)
  }
  if (answer.status === 429 || answer.status === 503) return pause(r, Number(answer.headers.get('Retry-After')) || 10)
  if (answer.status >= 502) return lost(r)
  r.state = 'refused'
  try { r.why = (await answer.json()).detail || '' } catch { r.why = '' }
  draw(r)
}

// lost: the network or the server is away. What is checked stays; the rest waits for a press, or for the network.
function lost (r) {
  r.state = 'lost'
  draw(r)
  paused = true
  for (const x of rows) if (x.state === 'waiting') { x.state = 'lost'; draw(x) }
  $('lost').hidden = false
  $('lost').querySelector('p').textContent = say('many-lost', rows.filter((x) => ['lost', 'sending'].includes(x.state)).length)
}

function resume () {
  paused = false
  $('lost').hidden = true
  for (const x of rows) if (x.state === 'lost') { x.state = 'waiting'; x.why = ''; draw(x) }
  refresh()
  pump()
}

// pause: the service said when to come again.
function pause (r, seconds) {
  r.state = 'waiting'
  draw(r)
  paused = true
  announce(say('many-pause', seconds), true)
  clearTimeout(wait)
  wait = setTimeout(() => { paused = false; refresh(); pump() }, seconds * 1000)
}

// Looking

const matches = (r) => (filter === 'all' || (r.got && r.got.verdict === filter)) &&
  (!query || [r.name, ...(r.got ? [texts['verdict-' + r.got.verdict], r.got.reason[lang], ...r.got.signers] : [])].join('\n').toLowerCase().includes(query))

function show (r) {
  r.tr.hidden = !matches(r)
  if (r.more) r.more.hidden = r.tr.hidden
}

function announce (text, seen) {
  $('said').textContent = text
  if (seen) $('count').textContent = text
}

let told = 0
function refresh () {
  const over = rows.filter((r) => !['waiting', 'sending', 'lost'].includes(r.state)).length
  for (const r of rows) show(r)
  $('bar').max = Math.max(1, rows.length)
  $('bar').value = over
  const all = over === rows.length
  if (!paused || all) {
    $('count').textContent = all ? say('many-done', rows.length) : say('many-progress', over, rows.length)
    // A reader of the screen hears the end, and in between a tenth at a time.
    const tenth = Math.floor(over * 10 / Math.max(1, rows.length))
    if (rows.length && (tenth !== told || all)) { told = tenth; announce($('count').textContent) }
  }
  for (const b of document.querySelectorAll('[data-filter]')) {
    b.querySelector('[data-count]').textContent = rows.filter((r) => b.dataset.filter === 'all' || (r.got && r.got.verdict === b.dataset.filter)).length
  }
  $('shown').textContent = say('many-shown', rows.filter((r) => !r.tr.hidden).length, rows.length)
}

for (const b of document.querySelectorAll('[data-filter]')) {
  b.addEventListener('click', () => {
    filter = b.dataset.filter
    for (const x of document.querySelectorAll('[data-filter]')) x.setAttribute('aria-pressed', String(x === b))
    refresh()
    announce($('shown').textContent)
  })
}
$('search').addEventListener('input', (e) => { query = e.target.value.trim().toLowerCase(); refresh() })

// j and k only while the table has the focus, so that they disturb no other use of the keys.
document.querySelector('.rows').addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || !['j', 'k'].includes(e.key)) return
  const open = [...body.querySelectorAll('tr:not([hidden]) .open')]
  if (!open.length) return
  const at = open.indexOf(document.activeElement)
  open[at < 0 ? 0 : Math.min(open.length - 1, Math.max(0, at + (e.key === 'j' ? 1 : -1)))].focus()
  e.preventDefault()
})

// Downloads

const data = () => rows.filter(matches).map((r) => ({
  file: plain(r.name), with: r.with || r.withName ? plain(r.withName || r.with.name) : null, kind: r.kind || null,
  verdict: r.got ? r.got.verdict : 'not checked', reason: r.got ? r.got.reason[lang] : r.why || '', signers: r.got ? r.got.signers : [],
  time: r.got ? r.got.time : null, time_proven: r.got ? r.got.time_proven : null, modifications: r.got ? r.got.modifications : null,
  visible_changes: r.got ? r.got.visible_changes : null, ordinance: r.got ? r.got.ordinance : null,
  details: r.got ? r.got.details[lang].map(({ title, lines }) => ({ title, lines })) : []
}))

function download (name, kind, content) {
  const url = URL.createObjectURL(new Blob([content], { type: kind }))
  make('a', { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), 60000)
}
$('json').addEventListener('click', () => download('verification.json', 'application/json', JSON.stringify(data(), null, 2) + '\n'))
$('csv').addEventListener('click', () => {
  const columns = ['file', 'with', 'kind', 'verdict', 'reason', 'signers', 'time', 'time_proven', 'modifications', 'visible_changes', 'ordinance']
  // A spreadsheet takes a cell that begins so for a formula, and a stranger may have written it.
  const quote = (v) => { let s = v === null ? '' : Array.isArray(v) ? v.join('; ') : String(v); if (/^[=+\-@\t\r]/.test(s)) s = "'" + s; return '"' + s.replaceAll('"', '""') + '"' }
  download('verification.csv', 'text/csv', '\ufeff' + [columns.join(','), ...data().map((r) => columns.map((c) => quote(r[c])).join(','))].join('\r\n') + '\r\n')
})

// Beginning, and the way to another language: the table comes along in this tab, and is forgotten here.

const stash = 'chop-verify-many'
for (const a of document.querySelectorAll('.languages a')) {
  a.addEventListener('click', () => {
    if (!rows.length) return
    try {
      sessionStorage.setItem(stash, JSON.stringify({ kind: $('kind').value, rows: rows.map(({ name, size, with: w, withName, kind, state, got, why }) => ({ name, size, withName: withName || (w && w.name), kind, state, got, why })) }))
      removeEventListener('beforeunload', leaving)
    } catch { /* no room: the browser asks before the table goes */ }
  })
}
const leaving = (e) => { if (rows.some((r) => r.state !== 'gone')) e.preventDefault() }
addEventListener('beforeunload', leaving)
addEventListener('online', () => { if (!$('lost').hidden) resume() })
$('resume').addEventListener('click', resume)
$('choose').hidden = false
$('choose').addEventListener('submit', (e) => e.preventDefault())
$('files').addEventListener('change', (e) => { add([...e.target.files]); e.target.value = '' })
// Anywhere on the page is a place to drop: a file that missed the area would be opened by the browser instead.
addEventListener('dragover', (e) => { e.preventDefault(); document.querySelector('.dropzone').classList.add('over') })
addEventListener('dragleave', () => document.querySelector('.dropzone').classList.remove('over'))
addEventListener('drop', (e) => { e.preventDefault(); document.querySelector('.dropzone').classList.remove('over'); if (e.dataTransfer.files.length) add([...e.dataTransfer.files]) })

try {
  const kept = JSON.parse(sessionStorage.getItem(stash) || 'null')
  sessionStorage.removeItem(stash)
  if (kept) {
    $('kind').value = kept.kind
    for (const r of kept.rows) {
      if (!r.got) Object.assign(r, { state: 'gone', why: texts['row-gone'] })
      rows.push(r)
      place(r)
    }
    $('table').hidden = rows.length === 0
    refresh()
  }
} catch { /* another version of this page wrote it */ }
