// What every page of the site gains with a script; each part works without it, too.
(() => {
  "use strict";
  const page = document.documentElement;
  const words = JSON.parse(document.body.dataset.words || "{}");
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  // Moments, in the reader's zone; the tooltip has the exact one.
  const locale = navigator.languages.find((each) => each.startsWith(page.lang)) || page.lang;
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const STEPS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];

  function ago(when) {
    const seconds = (when - Date.now()) / 1000;
    const [unit, length] = STEPS.find(([, each]) => Math.abs(seconds) >= each) || ["second", 1];
    return relative.format(unit === "second" ? 0 : Math.trunc(seconds / length), unit);
  }

  function showTimes(inside) {
    for (const time of all("time[datetime]", inside)) {
      const when = new Date(time.dateTime);
      if (!Number.isNaN(when.getTime()) && time.dateTime.includes("T")) {
        const here = moment.format(when);
        time.textContent = "ago" in time.dataset ? ago(when) : here;
        time.title = "ago" in time.dataset ? here : when.toISOString();
      }
    }
  }

  // A form is sent once; the button says that something goes on.
  function busy(event) {
    const button = event.submitter;
    if (event.defaultPrevented || event.target.method !== "post" || !button) {
      return;
    }
    // After the submission has begun: a disabled button's own value would be left out of it.
    setTimeout(() => {
      for (const each of all("button", event.target)) {
        each.disabled = true;
      }
      button.setAttribute("aria-busy", "true");
      const text = button.querySelector("span");
      if (button.dataset.busy && text) {
        button.dataset.before = text.textContent;
        text.textContent = button.dataset.busy;
      }
    }, 0);
  }

  // Back from the browser's cache, the page is as it was left.
  function idle() {
    for (const button of all('button[aria-busy="true"]')) {
      button.removeAttribute("aria-busy");
      if (button.dataset.before) {
        button.querySelector("span").textContent = button.dataset.before;
      }
      for (const each of all("button", button.form)) {
        each.disabled = false;
      }
    }
  }

  // Questions open as dialogs instead of in the page.
  function ask(details) {
    const question = details.querySelector(".question");
    const dialog = document.createElement("dialog");
    const heading = question.querySelector("h2");
    heading.id = `question-${all("dialog").length}`;
    dialog.setAttribute("aria-labelledby", heading.id);
    const cancel = document.createElement("button");
    cancel.type = "button";
    cancel.className = "button second";
    cancel.textContent = words.cancel;
    cancel.addEventListener("click", () => dialog.close());
    question.querySelector("form .buttons").prepend(cancel);
    dialog.append(question);
    details.append(dialog);
    dialog.addEventListener("close", () => {
      details.open = false;
      details.querySelector("summary").focus();
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    details.addEventListener("toggle", () => {
      if (details.open && !dialog.open) {
        dialog.showModal();
        (question.querySelector("[data-typed]") || cancel).focus();
      }
    });
  }

  function type(input) {
    const check = () => {
      const right = input.value === input.dataset.typed;
      input.setCustomValidity(right ? "" : words.type_exactly.replace("{name}", input.dataset.typed));
    };
    input.addEventListener("input", check);
    check();
  }

  // Menus close when one goes elsewhere.
  function menus() {
    const open = () => all("details.menu[open]");
    document.addEventListener("click", (event) => {
      open().filter((menu) => !menu.contains(event.target)).forEach((menu) => { menu.open = false; });
    });
    document.addEventListener("focusin", (event) => {
      open().filter((menu) => !menu.contains(event.target)).forEach((menu) => { menu.open = false; });
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
        for (const menu of open()) {
          menu.open = false;
          menu.querySelector("summary").focus();
        }
      }
    });
  }

  function themes() {
    for (const choice of all("fieldset.theme")) {
      choice.hidden = false;
      const now = page.dataset.theme || "auto";
      for (const radio of all("input", choice)) {
        radio.checked = radio.value === now;
        radio.addEventListener("change", () => choose(radio.value));
      }
    }
  }

  function choose(theme) {
    delete page.dataset.theme;
    if (theme !== "auto") {
      page.dataset.theme = theme;
    }
    try {
      window.localStorage.setItem("nbhostd-theme", theme);
    } catch {
      // It holds for this page, then.
    }
  }

  showTimes(document);
  // A part of the page that was fetched anew.
  document.addEventListener("renewed", (event) => showTimes(event.target));
  setInterval(() => showTimes(document), 60000);
  document.addEventListener("submit", busy);
  window.addEventListener("pageshow", idle);
  all("details.confirm").forEach(ask);
  all("[data-typed]").forEach(type);
  menus();
  themes();
  document.querySelector("[data-focus]")?.focus();
  // A current tab that is out of sight is scrolled into it, and nothing else moves.
  for (const tab of all(".tabs a[aria-current]")) {
    const strip = tab.closest(".tabs");
    strip.scrollLeft = tab.offsetLeft - (strip.clientWidth - tab.offsetWidth) / 2;
  }
})();
