// A table that is renewed while one looks: rows keep their places, their ticks and their focus.
(() => {
  "use strict";

  function renewCell(old, fresh) {
    if (!old.classList.contains("keep") && old.innerHTML !== fresh.innerHTML) {
      old.replaceChildren(...fresh.childNodes);
      old.className = fresh.className;
      if (fresh.dataset.value !== undefined) {
        old.dataset.value = fresh.dataset.value;
      }
    }
  }

  function renewRows(old, fresh) {
    const rows = new Map([...old.rows].map((row) => [row.dataset.key, row]));
    for (const row of [...fresh.rows]) {
      const known = rows.get(row.dataset.key);
      if (known) {
        rows.delete(row.dataset.key);
        [...known.cells].forEach((cell, index) => renewCell(cell, row.cells[index]));
      } else {
        old.append(row);
      }
    }
    rows.forEach((row) => row.remove());
  }

  function renew(place, text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    renewRows(place.querySelector("tbody"), fresh.querySelector("tbody"));
    for (const part of place.querySelectorAll("[data-renew]")) {
      const found = fresh.querySelector(`[data-renew="${part.dataset.renew}"]`);
      part.replaceChildren(...(found ? found.childNodes : []));
    }
    place.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
  }

  for (const place of document.querySelectorAll("[data-rows][data-seconds]")) {
    const button = document.querySelector("[data-pause]");
    const said = document.querySelector("[data-renewed]");
    const words = [button.textContent, button.dataset.paused];
    const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
    let paused = false;
    let silent = false;

    async function look() {
      // Nobody looks at a page in the background, and whoever is about to answer a question is not to lose it.
      if (!paused && !document.hidden && !place.querySelector("dialog[open], details[open]")) {
        try {
          const answer = await fetch(place.dataset.rows, { headers: { Accept: "text/html" }, redirect: "error" });
          if (!answer.ok) {
            throw new Error(answer.statusText);
          }
          const text = await answer.text();
          if (!paused) {
            renew(place, text);
            said.textContent = said.dataset.renewed.replace("{time}", clock.format(new Date()));
          }
          silent = false;
        } catch {
          said.textContent = silent ? said.dataset.silent : said.textContent;
          silent = true;
        }
      }
      setTimeout(look, Number(place.dataset.seconds) * 1000);
    }

    button.addEventListener("click", () => {
      paused = !paused;
      button.textContent = words[Number(paused)];
      button.setAttribute("aria-pressed", String(paused));
    });
    setTimeout(look, Number(place.dataset.seconds) * 1000);
  }
})();
