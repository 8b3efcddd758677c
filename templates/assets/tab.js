// A tab that a notebook inside a course's page opened: its browser keeps the iframe's cookie from it, so it has the page
// that opened it ask for a way in. Without such a page, what is written here stays.
(async () => {
  "use strict";
  const { pathname, search, hash } = window.location;
  const base = (/^\/w\/[^/]+\//.exec(pathname) || [""])[0];
  if (!base || !window.opener) {
    return;
  }
  try {
    const to = encodeURIComponent(pathname.slice(base.length) + search);
    const answer = await window.opener.fetch(`${base}.nbhostd/tab?to=${to}`);
    if (answer.ok) {
      const { url } = await answer.json();
      window.location.replace(url + hash);
    }
  } catch {
    // It is closed, or another site's.
  }
})();
