// Short notes over the page: they take no focus, stop nobody from working, and are read out once.

export class Banner {
  #node;
  #notes = new Map();

  constructor(label) {
    this.#node = document.createElement("section");
    this.#node.className = "nbhosting-banner";
    this.#node.setAttribute("aria-label", label);
    // Before anything is said in it, or some screen readers say nothing.
    this.#node.setAttribute("aria-live", "polite");
    // First in the page, so that the first Tab leads to its buttons.
    document.body.prepend(this.#node);
  }

  /** Show a note, once per `key`: `text`, `content` (nodes after it) and `buttons` ([label, action] each). */
  show(key, { text, content = [], buttons = [], urgent = false }) {
    if (this.#notes.has(key)) {
      return;
    }
    const note = document.createElement("div");
    note.className = urgent ? "nbhosting-note nbhosting-urgent" : "nbhosting-note";
    note.dataset.note = key;
    const said = note.appendChild(document.createElement("p"));
    said.append(text, ...content);
    for (const [label, action] of buttons) {
      const button = note.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", action);
    }
    this.#notes.set(key, note);
    this.#node.append(note);
  }

  hide(key) {
    this.#notes.get(key)?.remove();
    this.#notes.delete(key);
  }
}
