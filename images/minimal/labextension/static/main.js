// The plugin: what is where in JupyterLab and Notebook 7. Each part is a module of its own.

import { Actions } from "./actions.js";
import { Api } from "./api.js";
import { Banner } from "./banner.js";
import { saveWhenLeft } from "./leave.js";
import { addEntries, reduceMenus } from "./menus.js";
import { resolverPlugin } from "./resolver.js";
import { lockText } from "./textcells.js";
import { moveButtons, titleLabel } from "./title.js";
import { Watch } from "./watch.js";
import { sentences } from "./words.js";

/** What is taken from the page's own packages, and the name that we give it. */
export const PACKAGES = {
  apputils: "@jupyterlab/apputils",
  coreutils: "@jupyterlab/coreutils",
  docmanager: "@jupyterlab/docmanager",
  mainmenu: "@jupyterlab/mainmenu",
  notebook: "@jupyterlab/notebook",
  ui: "@jupyterlab/ui-components",
  widgets: "@lumino/widgets",
};

const ENTRIES = ["nbhosting:reset", "nbhosting:share", "nbhosting:show-id"];

/** The plugins of this extension. Everything is optional: a page without notebooks still hears of its workspace. */
export function plugins(lab) {
  const isNotebook = lab.coreutils.PageConfig.getOption("notebookPage") !== "";
  return [
    ...(isNotebook ? [] : [resolverPlugin(lab)]),
    {
      id: "nbhosting:plugin",
      description: "What nbhosting adds for students.",
      autoStart: true,
      optional: [
        lab.notebook.INotebookTracker,
        lab.mainmenu.IMainMenu,
        lab.apputils.ICommandPalette,
        lab.apputils.IToolbarWidgetRegistry,
        lab.docmanager.IDocumentManager,
      ],
      activate: (app, tracker, mainMenu, palette, toolbars, documents) => {
        activate(lab, isNotebook, { app, tracker, mainMenu, palette, toolbars, documents });
      },
    },
  ];
}

function activate(lab, isNotebook, { app, tracker, mainMenu, palette, toolbars, documents }) {
  dress();
  const say = sentences(navigator.languages);
  const api = new Api(lab.coreutils.PageConfig.getBaseUrl());
  const banner = new Banner(say("banner"));
  const actions = new Actions(lab, api, say, app.commands, banner);
  const unsaved = () => actions.unsaved(tracker?.currentWidget);
  const watch = new Watch(api, banner, say, unsaved, () => {
    // A dialog would say less than we do, and stand in the way of our buttons.
    lab.apputils.Dialog.flush();
    if (documents) {
      documents.autosave = false;
    }
  });
  watch.look();
  saveWhenLeft(app.shell, documents);
  document.addEventListener("visibilitychange", () => {
    // A computer that slept, or a tab that was long in the background.
    if (document.visibilityState === "visible") {
      watch.soon();
    }
  });

  if (tracker) {
    addTools(lab, isNotebook, app, toolbars, say);
    addCommands(app.commands, actions, tracker, watch.first, say);
    addEntries(mainMenu, palette, say("category"), ENTRIES);
    const hint = () => watch.soon();
    const follow = (panel) => {
      panel.sessionContext.statusChanged.connect(hint);
      panel.sessionContext.connectionStatusChanged.connect(hint);
    };
    tracker.forEach(follow);
    tracker.widgetAdded.connect((_, panel) => follow(panel));
  }
  Promise.all([watch.first, app.restored]).then(([{ mode }]) => {
    if (mode === "mooc") {
      simplify(tracker, mainMenu);
    }
  });
}

/** What a MOOC's student is spared. */
function simplify(tracker, mainMenu) {
  if (mainMenu) {
    reduceMenus(mainMenu);
  }
  tracker?.forEach(lockText);
  tracker?.widgetAdded.connect((_, panel) => lockText(panel));
}

function addTools(lab, isNotebook, app, toolbars, say) {
  // In Notebook a page is one notebook; JupyterLab has a title of its own.
  const onTitle = (text) => {
    if (isNotebook && text) {
      document.title = text;
    }
  };
  toolbars?.addFactory("Notebook", "nbhosting-title", (panel) => titleLabel(lab.widgets, panel, onTitle));
  toolbars?.addFactory("Notebook", "nbhosting-move", (panel) => moveButtons(lab, app.commands, panel, say));
}

function addCommands(commands, actions, tracker, first, say) {
  let known = null;
  first.then((status) => {
    known = status;
    commands.notifyCommandChanged();
  });
  const open = () => tracker.currentWidget;
  commands.addCommand("nbhosting:reset", {
    label: say("reset"),
    isEnabled: () => known !== null && open() !== null,
    // A clone has git for that.
    isVisible: () => known?.mode !== "classroom",
    execute: () => actions.reset(open()),
  });
  commands.addCommand("nbhosting:share", {
    label: say("share"),
    isEnabled: () => known !== null && open() !== null,
    execute: () => actions.share(open()),
  });
  commands.addCommand("nbhosting:show-id", {
    label: say("show-id"),
    isEnabled: () => known !== null,
    execute: () => actions.showId(known),
  });
}

function dress() {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = new URL("style.css", import.meta.url).href;
  document.head.append(sheet);
}
