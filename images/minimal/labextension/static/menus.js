// The menus: our own entries everywhere, and for a MOOC less of Jupyter's.

/** Menus that a MOOC's student keeps, by Jupyter's ids; of those with a list, these commands and submenus only. */
const KEPT = {
  "jp-mainmenu-file": new Set([
    "docmanager:save",
    "docmanager:download",
    "docmanager:reload",
    "filebrowser:download",
    "jp-mainmenu-file-notebookexport",
    "notebook:export-to-format",
    "apputils:print",
    "nbhosting:reset",
    "nbhosting:share",
    "nbhosting:show-id",
  ]),
  "jp-mainmenu-edit": new Set([
    "editmenu:undo",
    "editmenu:redo",
    "notebook:undo-cell-action",
    "notebook:redo-cell-action",
    "notebook:cut-cell",
    "notebook:copy-cell",
    "notebook:paste-cell-below",
    "notebook:delete-cell",
    "editmenu:clear-current",
    "editmenu:clear-all",
    "documentsearch:start",
  ]),
  "jp-mainmenu-run": null,
  "jp-mainmenu-kernel": null,
};

/** Our entries, in the File menu and the command palette. */
export function addEntries(mainMenu, palette, category, commands) {
  mainMenu?.fileMenu.addGroup(
    commands.map((command) => ({ command })),
    4.5,
  );
  for (const command of commands) {
    palette?.addItem({ command, category });
  }
}

/** Take away what a MOOC's student does not need. */
export function reduceMenus(mainMenu) {
  for (const menu of [...mainMenu.menus]) {
    if (!(menu.id in KEPT)) {
      mainMenu.removeMenu(menu);
    } else if (KEPT[menu.id]) {
      reduce(menu, KEPT[menu.id]);
    }
  }
}

function reduce(menu, kept) {
  for (const item of [...menu.items]) {
    const name = item.type === "submenu" ? item.submenu?.id : item.command;
    if (item.type !== "separator" && !kept.has(name)) {
      menu.removeItem(item);
    }
  }
}
