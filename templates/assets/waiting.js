// Follows a student's place in the queue. Without this script the page refreshes itself instead.
(() => {
  "use strict";
  const place = document.getElementById("place");
  const here = place.dataset.here;
  const again = () => window.location.replace(here);
  const shown = performance.now();
  const source = new EventSource(`${here}/events`);

  // Something between us may hold events back: then the page looks again by itself.
  let silence = setTimeout(again, 10000);

  source.addEventListener("message", (event) => {
    clearTimeout(silence);
    const now = JSON.parse(event.data);
    if (now.over) {
      source.close();
      // Never faster than once a second, whatever the server says.
      setTimeout(again, Math.max(0, shown + 1000 - performance.now()));
    } else if (place.textContent !== now.text) {
      place.textContent = now.text;
    }
  });
  source.addEventListener("error", () => {
    clearTimeout(silence);
    if (source.readyState === EventSource.CLOSED) {
      silence = setTimeout(again, 5000);
    }
  });
})();
