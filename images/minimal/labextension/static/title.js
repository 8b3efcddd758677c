// What a notebook says of itself in its metadata: title, version, whether it wants buttons that move cells.
// All of it is the author's text, shown as text.

const LONGEST = 120;

function facts(model) {
  const ours = model.getMetadata("nbhosting");
  return ours && typeof ours === "object" ? ours : {};
}

function text(value) {
  return ["string", "number"].includes(typeof value) ? String(value).trim().slice(0, LONGEST) : "";
}

/** The title, or the file's name without its suffix. */
export function titleOf(model, path) {
  const given = text(facts(model).title) || text(model.getMetadata("notebookname"));
  return given || path.split("/").pop().replace(/\.(ipynb|md|py)$/, "");
}

/** 'v2.1', or '' when there is none to speak of: 1.0 is what authors leave as it was. */
export function versionOf(model) {
  const version = text(facts(model).version) || text(model.getMetadata("version"));
  return version === "1.0" || /^[0.]*$/.test(version) ? "" : `v${version}`;
}

/** A widget whose node follows the notebook's metadata: `show(node, model, path)` is called when they may have changed. */
export function follower(widgets, panel, node, show) {
  const widget = new widgets.Widget({ node });
  const update = () => {
    if (!widget.isDisposed && panel.content.model) {
      show(widget, panel.content.model, panel.context.localPath);
    }
  };
  panel.context.ready.then(() => {
    panel.content.model?.metadataChanged.connect(update);
    panel.context.pathChanged.connect(update);
    update();
  });
  return widget;
}

/** The label with title and version; `onTitle(text)` hears of it as well. */
export function titleLabel(widgets, panel, onTitle) {
  const node = document.createElement("div");
  node.className = "nbhosting-title";
  const title = node.appendChild(document.createElement("span"));
  const version = node.appendChild(document.createElement("span"));
  title.className = "nbhosting-title-text";
  version.className = "nbhosting-version";
  return follower(widgets, panel, node, (_, model, path) => {
    title.textContent = titleOf(model, path);
    version.textContent = versionOf(model);
    node.title = `${title.textContent} ${version.textContent}`.trim();
    onTitle(node.title);
  });
}

/** Two buttons that move the active cell, seen where `metadata.nbhosting.show_up_down_buttons` asks for them. */
export function moveButtons(lab, commands, panel, say) {
  const node = document.createElement("div");
  node.className = "nbhosting-move";
  const widget = follower(lab.widgets, panel, node, (one, model) => {
    one.setHidden(!facts(model).show_up_down_buttons);
  });
  widget.hide();
  for (const [word, icon, command] of [
    ["move-up", lab.ui.moveUpIcon, "notebook:move-cell-up"],
    ["move-down", lab.ui.moveDownIcon, "notebook:move-cell-down"],
  ]) {
    const button = node.appendChild(document.createElement("button"));
    button.type = "button";
    button.className = "nbhosting-tool";
    button.title = say(word);
    button.setAttribute("aria-label", say(word));
    button.append(icon.element({ tag: "span", height: "16px", width: "16px" }));
    button.addEventListener("click", () => commands.execute(command));
  }
  return widget;
}
