// What this tab was opened for: taken from the address's fragment, which no
// server sees, and then removed from the address and the history. Kept for a
// reload in sessionStorage, which ends with the tab.
const NAME = 'chop.task';
const FORM = /^#(sign|enrol)\/([A-Za-z0-9_-]{22})(?:\/(en|zh-Hant-HK|zh-Hans))?$/;

/** @returns {{kind: string, id: string, language?: string} | null} */
export function task() {
  if (location.hash) {
    const m = FORM.exec(location.hash);
    history.replaceState(null, '', '/');
    if (m) {
      sessionStorage.setItem(NAME, JSON.stringify({ kind: m[1], id: m[2] }));
      return { kind: m[1], id: m[2], language: m[3] };
    }
    forget();
    return { kind: 'unknown', id: '' };
  }
  const kept = sessionStorage.getItem(NAME);
  return kept ? JSON.parse(kept) : null;
}

export const forget = () => sessionStorage.removeItem(NAME);
