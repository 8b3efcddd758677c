// A page that shows us in a frame (the classroom's) says when it will show something else instead: then we save first.
// A frame that is taken away asks nobody, as a tab does that is closed.

const HERE = "nbhosting:here";
const SAVE = "nbhosting:save";
const SAVED = "nbhosting:saved";

/** Saves what is unsaved when the page around asks, and answers whether all of it is saved. */
export function saveWhenLeft(shell, documents) {
  const around = window.parent;
  if (around === window || !documents) {
    return;
  }
  window.addEventListener("message", async (event) => {
    if (event.source === around && event.data?.type === SAVE) {
      around.postMessage({ type: SAVED, saved: await saveAll(shell, documents) }, event.origin);
    }
  });
  // Nobody in particular is told, and nothing but that there is somebody here who can save.
  around.postMessage({ type: HERE }, "*");
}

async function saveAll(shell, documents) {
  const contexts = new Set();
  for (const widget of shell.widgets("main")) {
    const context = documents.contextForWidget(widget);
    if (context?.model.dirty) {
      contexts.add(context);
    }
  }
  try {
    await Promise.all([...contexts].map((context) => context.save()));
  } catch {
    return false;
  }
  return [...contexts].every((context) => !context.model.dirty);
}
