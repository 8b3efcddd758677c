// Tables are sorted by their columns, and narrowed while one types.
(() => {
  "use strict";
  const words = JSON.parse(document.body.dataset.words || "{}");
  const compare = new Intl.Collator(document.documentElement.lang, { numeric: true, sensitivity: "base" }).compare;

  function key(row, column, kind) {
    const cell = row.cells[column];
    const time = cell.querySelector("time");
    const said = cell.dataset.value ?? (kind === "time" && time ? time.dateTime : cell.textContent.trim());
    if (kind !== "number") {
      return said;
    }
    const value = cell.dataset.value === undefined ? said.replace(/[^\d.,-]/g, "").replace(",", ".") : said;
    return value === "" || Number.isNaN(Number(value)) ? Number.NEGATIVE_INFINITY : Number(value);
  }

  function sort(head, kind) {
    const body = head.closest("table").tBodies[0];
    const up = head.getAttribute("aria-sort") === "ascending" || (kind !== "text" && !head.hasAttribute("aria-sort"));
    for (const each of head.parentElement.cells) {
      each.removeAttribute("aria-sort");
    }
    head.setAttribute("aria-sort", up ? "descending" : "ascending");
    const column = head.cellIndex;
    const rows = [...body.rows].map((row) => [key(row, column, kind), row]);
    rows.sort(([a], [b]) => (kind === "number" ? a - b || 0 : compare(a, b)) * (up ? -1 : 1));
    body.append(...rows.map(([, row]) => row));
  }

  for (const head of document.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.title = words.sort;
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head, head.dataset.sort));
  }

  // Nothing to scroll, nothing to stop at with the keyboard.
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) {
        target.tabIndex = 0;
      } else {
        target.removeAttribute("tabindex");
      }
    }
  });
  document.querySelectorAll("div.table").forEach((region) => sizes.observe(region));

  for (const form of document.querySelectorAll("form[data-filters]")) {
    const table = document.getElementById(form.dataset.filters);
    const input = form.querySelector('input[type="search"]');
    if (!table) {
      continue;
    }
    const count = document.createElement("p");
    count.className = "soft small-text";
    count.setAttribute("role", "status");
    form.append(count);
    const narrow = () => {
      const wanted = input.value.trim().toLocaleLowerCase();
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = wanted ? words.shown.replace("{count}", String(shown)) : "";
    };
    input.addEventListener("input", narrow);
  }
})();
