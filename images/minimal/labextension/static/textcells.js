// A MOOC's text is to be read: its cells do not open. Only this page's widgets change, never the notebook itself.

function lock(notebook) {
  for (const cell of notebook.widgets) {
    // An empty one is the student's own, made a moment ago.
    if (cell.model.type !== "code" && !cell.readOnly && cell.model.sharedModel.getSource() !== "") {
      // Else the property would be written into the cell's metadata.
      cell.syncEditable = false;
      cell.readOnly = true;
      cell.addClass("nbhosting-locked");
      if (cell.model.type === "markdown") {
        cell.rendered = true;
      }
    }
  }
}

/** Keep the text cells of this notebook closed, those that come later included. */
export async function lockText(panel) {
  await panel.context.ready;
  const notebook = panel.content;
  if (panel.isDisposed || !notebook.model) {
    return;
  }
  lock(notebook);
  notebook.model.cells.changed.connect(() => lock(notebook));
  notebook.stateChanged.connect((_, change) => {
    if (change.name === "mode" && change.newValue === "edit" && notebook.activeCell?.hasClass("nbhosting-locked")) {
      notebook.mode = "command";
    }
  });
}
