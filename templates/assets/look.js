// Waits for a page that is being made. Without this script the page looks again by itself.
(async () => {
  "use strict";
  const waiting = document.querySelector("[data-look]");
  if (!waiting) {
    return;
  }
  for (let failures = 0; failures < 5;) {
    try {
      const answer = await fetch(waiting.dataset.look, { headers: { Accept: "application/json" } });
      if (!answer.ok || (await answer.json()).ready) {
        break;
      }
      failures = 0;
    } catch {
      failures += 1;
      await new Promise((resolve) => { setTimeout(resolve, 2000); });
    }
  }
  window.location.reload();
})();
