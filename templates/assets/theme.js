// Before anything is painted: the reader's own choices of light or dark, and of what is folded, remembered in this browser.
(() => {
  "use strict";
  const page = document.documentElement;
  try {
    for (const choice of ["theme", "pane", "top"]) {
      const chosen = window.localStorage.getItem(`nbhostd-${choice}`);
      if (["light", "dark", "folded"].includes(chosen)) {
        page.dataset[choice] = chosen;
      }
    }
  } catch {
    // A browser that keeps nothing follows the computer.
  }
  // What only works with a script shows only with one.
  page.classList.add("scripted");
})();
