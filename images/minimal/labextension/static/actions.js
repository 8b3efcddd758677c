// What a student can ask for: the original again, a static version for others, the own id.

export class Actions {
  #lab;
  #api;
  #say;
  #commands;
  #banner;

  constructor(lab, api, say, commands, banner) {
    this.#lab = lab;
    this.#api = api;
    this.#say = say;
    this.#commands = commands;
    this.#banner = banner;
  }

  /** The course's original in the place of this notebook, in the same page, with the same kernel. */
  async reset(panel) {
    const { Dialog } = this.#lab.apputils;
    const say = this.#say;
    const sure = await this.#ask(say("reset-title"), [paragraph(say("reset-body"))], [
      Dialog.cancelButton({ label: say("cancel") }),
      Dialog.warnButton({ label: say("reset-do") }),
    ]);
    if (!sure.button.accept || !(await this.#save(panel))) {
      return;
    }
    const { status, body } = await this.#api.post("reset", { notebook: panel.context.localPath });
    if (status !== 200) {
      await this.#failed(status, body, "failed-missing");
      return;
    }
    await panel.context.revert();
    if (!body.kept_as) {
      await this.#ask(say("reset-done"), [], [this.#close()]);
      return;
    }
    const next = await this.#ask(say("reset-done"), [paragraph(say("reset-kept", { path: body.kept_as }))], [
      Dialog.cancelButton({ label: say("open-kept"), actions: ["open"] }),
      this.#close(),
    ]);
    if (next.button.actions.includes("open")) {
      await this.#commands.execute("docmanager:open", { path: body.kept_as });
    }
  }

  /** A static version of this notebook under an address that can be given away, and taken back. */
  async share(panel) {
    const notebook = panel.context.localPath;
    let answer = await this.#api.get(`share?notebook=${encodeURIComponent(notebook)}`);
    while (answer.status === 200) {
      const { url, shared_at: when } = answer.body;
      const wanted = url ? await this.#showShare(url, when) : await this.#offerShare();
      if (wanted === "share" && (await this.#save(panel))) {
        this.#banner.show("busy", { text: this.#say("share-busy") });
        answer = await this.#api.post("share", { notebook });
        this.#banner.hide("busy");
      } else if (wanted === "back") {
        answer = await this.#api.ask("DELETE", "share", { notebook });
        if (answer.status < 300 && answer.status !== 0) {
          return;
        }
      } else {
        return;
      }
    }
    await this.#failed(answer.status, answer.body);
  }

  async #offerShare() {
    const { Dialog } = this.#lab.apputils;
    const say = this.#say;
    const result = await this.#ask(say("share-title"), [paragraph(say("share-ask"))], [
      Dialog.cancelButton({ label: say("cancel") }),
      Dialog.okButton({ label: say("share-do") }),
    ]);
    return result.button.accept ? "share" : "";
  }

  async #showShare(url, when) {
    const { Dialog } = this.#lab.apputils;
    const say = this.#say;
    const moment = new Date(when);
    const shown = Number.isNaN(moment.valueOf()) ? "" : moment.toLocaleString(say.language);
    const result = await this.#ask(
      say("share-title"),
      [paragraph(say("share-when", { when: shown })), shareLink(url, say)],
      [
        Dialog.warnButton({ label: say("share-back"), actions: ["back"] }),
        Dialog.cancelButton({ label: say("share-update"), actions: ["share"] }),
        this.#close(),
      ],
    );
    return result.button.actions[0] || "";
  }

  /** Who the student is, for a teacher who asks. */
  async showId({ course, student }) {
    const say = this.#say;
    const list = document.createElement("dl");
    for (const [word, value] of [
      ["id-student", student],
      ["id-course", course],
    ]) {
      list.appendChild(document.createElement("dt")).textContent = say(word);
      list.appendChild(document.createElement("dd")).textContent = value;
    }
    await this.#ask(say("id-body"), [list], [this.#close()]);
  }

  /** An action that hands over an open notebook that is not saved as a file, or null when there is none. */
  unsaved(panel) {
    if (!panel?.context.model?.dirty) {
      return null;
    }
    return () => {
      const content = JSON.stringify(panel.context.model.toJSON(), null, 1);
      const address = URL.createObjectURL(new Blob([content], { type: "application/json" }));
      const link = document.createElement("a");
      link.href = address;
      link.download = `${panel.context.localPath.split("/").pop().replace(/\.\w+$/, "")}.ipynb`;
      link.click();
      URL.revokeObjectURL(address);
    };
  }

  /** What was written last must be in the file that is kept or shared. */
  async #save(panel) {
    try {
      if (panel.context.model.dirty) {
        await panel.context.save();
      }
      return true;
    } catch {
      await this.#ask(this.#say("failed"), [paragraph(this.#say("failed-save"))], [this.#close()]);
      return false;
    }
  }

  async #failed(status, body, missing) {
    const say = this.#say;
    let text = say("failed-connection");
    if (status === 404 && missing) {
      text = say(missing);
    } else if (body.message) {
      text = say("failed-server", { message: body.message });
    }
    await this.#ask(say("failed"), [paragraph(text)], [this.#close()]);
  }

  #close() {
    return this.#lab.apputils.Dialog.okButton({ label: this.#say("close") });
  }

  async #ask(title, nodes, buttons) {
    const node = document.createElement("div");
    node.className = "nbhosting-dialog";
    node.append(...nodes);
    return this.#lab.apputils.showDialog({ title, body: new this.#lab.widgets.Widget({ node }), buttons });
  }
}

function paragraph(text) {
  const node = document.createElement("p");
  node.textContent = text;
  return node;
}

function shareLink(url, say) {
  const node = document.createElement("div");
  node.className = "nbhosting-link";
  const label = node.appendChild(document.createElement("label"));
  label.append(say("share-link"));
  const field = label.appendChild(document.createElement("input"));
  field.type = "text";
  field.readOnly = true;
  field.value = url;
  const copy = node.appendChild(document.createElement("button"));
  copy.type = "button";
  copy.textContent = say("copy");
  const attempt = node.appendChild(document.createElement("a"));
  attempt.href = url;
  attempt.target = "_blank";
  attempt.rel = "noopener";
  attempt.textContent = say("share-try");
  const said = node.appendChild(document.createElement("span"));
  said.setAttribute("role", "status");
  copy.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(url);
    } catch {
      // In a platform's iframe the newer way is not allowed.
      document.execCommand("copy");
    }
    said.textContent = say("copied");
  });
  return node;
}
