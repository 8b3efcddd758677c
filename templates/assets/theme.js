// Before anything is painted: the reader's own choice of light or dark, remembered in this browser.
(() => {
  "use strict";
  try {
    const theme = window.localStorage.getItem("nbhostd-theme");
    if (theme === "light" || theme === "dark") {
      document.documentElement.dataset.theme = theme;
    }
  } catch {
    // A browser that keeps nothing follows the computer.
  }
  // What only works with a script shows only with one.
  document.documentElement.classList.add("scripted");
})();
