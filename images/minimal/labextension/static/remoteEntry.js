// The door that JupyterLab and Notebook knock at: a module federation container, as their bootstrap.js wants one.
// There is no bundler: what it loads are the modules beside it, as they are written.
(() => {
  "use strict";
  // Both begin at once; the address is as new as the container, so no cache can have an older file.
  const ours = import(new URL("main.js", document.currentScript.src).href);
  let shared = {};

  /** The one copy of a package that the page itself uses: `shared` is {package: {version: {get, loaded, eager}}}. */
  async function take(name) {
    const versions = Object.values(shared[name] || {});
    const entry = versions.find((one) => one.loaded || one.eager) || versions[0];
    if (!entry) {
      throw new Error(`this page has no ${name}`);
    }
    return (await entry.get())();
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.nbhosting = {
    init(scope) {
      shared = scope;
    },
    async get() {
      const { PACKAGES, plugins } = await ours;
      const names = Object.keys(PACKAGES);
      const taken = await Promise.all(names.map((name) => take(PACKAGES[name])));
      const lab = Object.fromEntries(names.map((name, index) => [name, taken[index]]));
      const instance = { __esModule: true, default: plugins(lab) };
      return () => instance;
    },
  };
})();
