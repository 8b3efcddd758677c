// Another notebook without another page; panes that fold, and are remembered. Each link works without it, too.
(() => {
  "use strict";
  const page = document.documentElement;
  const pane = document.getElementById("contents");
  const narrow = window.matchMedia("(max-width: 48rem)");
  const links = [...pane.querySelectorAll("a[data-frame]")];
  const notebooks = links.filter((link) => link.dataset.state);
  const names = JSON.parse(pane.dataset.names);
  const said = document.querySelector("[data-said]");
  const steps = [...document.querySelectorAll("[data-step]")];
  const screen = document.querySelector(".screen");
  const loaded = () => screen?.classList.add("loaded");
  const current = () => links.find((link) => link.hasAttribute("aria-current"));

  // What is in the frame says when it can save, and saves when it is asked to: it may be of another origin.
  const savers = new WeakSet();
  let hear = () => {};
  window.addEventListener("message", (event) => {
    const frame = document.querySelector("iframe");
    if (frame && event.source === frame.contentWindow) {
      if (event.data?.type === "nbhosting:here") {
        savers.add(frame);
      } else if (event.data?.type === "nbhosting:saved") {
        hear(event.data.saved === true);
      }
    }
  });

  // Whether nothing is lost when this frame goes; a frame that does not answer in time is asked by the browser.
  function saved(frame) {
    if (!savers.has(frame)) {
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      hear = resolve;
      window.setTimeout(resolve, 5000, false);
      frame.contentWindow.postMessage({ type: "nbhosting:save" }, "*");
    });
  }

  // A frame's own history would come between the browser's button and ours: each notebook gets a new frame, or, where
  // something may be unsaved, replaces what is in the frame, which has the browser ask first.
  let latest = 0;

  async function load(link, focus) {
    const old = document.querySelector("iframe");
    if (!old) {
      window.location.assign(link.href);
      return;
    }
    const say = (text) => {
      said.textContent = text.replace("{title}", link.dataset.title);
    };
    latest += 1;
    const turn = latest;
    say(said.dataset.opening);
    const safe = await saved(old);
    if (turn !== latest) {
      return;
    }
    const frame = safe ? old.cloneNode(false) : old;
    frame.title = link.dataset.title;
    frame.addEventListener("load", () => {
      loaded();
      say(said.dataset.open);
      look();
      if (focus && document.activeElement === document.body) {
        frame.focus();
      }
    }, { once: true });
    if (safe) {
      screen.classList.remove("loaded");
      frame.src = link.dataset.frame;
      old.replaceWith(frame);
    } else {
      savers.delete(old);
      old.contentWindow.location.replace(new URL(link.dataset.frame, window.location.href));
    }
  }

  function mark(link, state) {
    const use = link.querySelector("use");
    use.setAttribute("href", `${use.getAttribute("href").split("#")[0]}#${state}`);
    link.querySelector(".mark").className = `mark ${state}`;
    link.querySelector("[data-mark]").textContent = `, ${names[state]}`;
    link.dataset.state = state;
    const bar = pane.querySelector(".room-progress progress");
    const text = pane.querySelector("[data-counts]");
    const count = (...wanted) => notebooks.filter((each) => wanted.includes(each.dataset.state)).length;
    const counts = { opened: count("opened", "changed"), changed: count("changed"), all: notebooks.length };
    if (bar && text) {
      bar.value = counts.opened;
      text.textContent = text.dataset.counts.replace(/\{(\w+)\}/g, (_, name) => counts[name]);
    }
  }

  function opened(link) {
    if (link.dataset.state === "untouched") {
      mark(link, "opened");
    }
  }

  // What the files say: asked when somebody comes back to the page, and when another notebook has come.
  let asking = false;

  async function look() {
    if (asking || document.hidden || !pane.dataset.progress) {
      return;
    }
    asking = true;
    try {
      const answer = await fetch(pane.dataset.progress, { headers: { Accept: "application/json" } });
      const told = answer.ok ? (await answer.json()).notebooks : [];
      const states = new Map(told.map((each) => [each.notebook, each.mark]));
      for (const link of notebooks) {
        const state = states.get(link.dataset.notebook);
        // An opening is counted a moment after it has begun.
        if (state in names && state !== link.dataset.state && !(state === "untouched" && link === current())) {
          mark(link, state);
        }
      }
    } catch {
      // The marks stay as they are until the next look.
    } finally {
      asking = false;
    }
  }

  function point(anchor, link) {
    if (link) {
      anchor.href = link.href;
      anchor.removeAttribute("aria-disabled");
    } else {
      anchor.removeAttribute("href");
      anchor.setAttribute("aria-disabled", "true");
    }
  }

  const beside = (step) => {
    const place = notebooks.indexOf(current());
    return place < 0 ? undefined : notebooks[place + step];
  };

  function show(link, { focus = false } = {}) {
    links.forEach((each) => each.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "page");
    const section = link.closest("details");
    if (section) {
      section.open = true;
    }
    const title = document.querySelector("[data-title]:is(h1)");
    document.title = document.title.replace(title.textContent, () => link.dataset.title);
    title.textContent = link.dataset.title;
    const alone = document.querySelector("[data-alone]");
    alone.href = link.dataset.frame;
    alone.removeAttribute("aria-disabled");
    steps.forEach((anchor) => point(anchor, beside(Number(anchor.dataset.step))));
    opened(link);
    drawer(false);
    load(link, focus);
  }

  function choose(link, focus) {
    if (link !== current()) {
      window.history.pushState(null, "", link.href);
    }
    show(link, { focus });
  }

  function drawer(open) {
    if (document.body.classList.contains("drawer") !== open && narrow.matches) {
      document.body.classList.toggle("drawer", open);
      (open ? current() || pane : document.querySelector('[data-toggle="pane"]')).focus();
    }
    tell();
  }

  const folded = (what) => (what === "pane" && narrow.matches ? !document.body.classList.contains("drawer")
    : page.dataset[what] === "folded");

  function tell() {
    for (const button of document.querySelectorAll("[data-toggle]")) {
      button.setAttribute("aria-expanded", String(!folded(button.dataset.toggle)));
    }
  }

  function toggle(what) {
    if (what === "pane" && narrow.matches) {
      drawer(folded(what));
      return;
    }
    page.dataset[what] = folded(what) ? "open" : "folded";
    try {
      window.localStorage.setItem(`nbhostd-${what}`, page.dataset[what]);
    } catch {
      // It holds for this page, then.
    }
    tell();
    if (what === "top") {
      [...document.querySelectorAll('[data-toggle="top"]')].find((each) => each.checkVisibility())?.focus();
    }
  }

  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    const anchor = event.target.closest("a");
    const link = anchor?.dataset.step ? beside(Number(anchor.dataset.step)) : links.find((each) => each === anchor);
    if (plain && link) {
      event.preventDefault();
      // Chosen with a pointer, it also gets the keyboard; with the keyboard, one stays in the list.
      if (event.detail > 0) {
        anchor.blur();
      }
      choose(link, event.detail > 0);
    } else if (document.body.classList.contains("drawer") && event.target.closest(".stage")) {
      drawer(false);
    }
    if (anchor?.hash === "#contents" && plain) {
      event.preventDefault();
      if (folded("pane")) {
        toggle("pane");
      }
      (current() || pane).focus();
    }
    const button = event.target.closest("[data-toggle]");
    if (button) {
      toggle(button.dataset.toggle);
    }
  });

  window.addEventListener("popstate", () => {
    const link = links.find((each) => each.href === window.location.href);
    if (link) {
      show(link);
    } else {
      window.location.reload();
    }
  });

  const KEYS = {
    KeyC: () => toggle("pane"),
    KeyH: () => toggle("top"),
    KeyN: () => beside(1) && choose(beside(1), false),
    KeyP: () => beside(-1) && choose(beside(-1), false),
    KeyJ: () => document.querySelector("iframe")?.focus(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.altKey && event.shiftKey && !event.ctrlKey && !event.metaKey && KEYS[event.code]) {
      event.preventDefault();
      KEYS[event.code]();
    } else if (event.key === "Escape") {
      drawer(false);
    }
  });
  narrow.addEventListener("change", () => {
    document.body.classList.remove("drawer");
    tell();
  });

  window.addEventListener("focus", look);
  document.addEventListener("visibilitychange", look);
  // It waits for the first frame as well.
  window.addEventListener("load", loaded);
  tell();
  const now = current();
  if (now) {
    // However it was come to, the address names what is open.
    window.history.replaceState(null, "", now.href);
    opened(now);
    now.scrollIntoView({ block: "nearest" });
  }
})();
