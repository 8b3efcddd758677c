// JupyterLab's window has a name, under which its layout is remembered. Jupyter finds it by asking the browser's other
// windows, and opens another address when one of them has it; in a platform's iframe it hears its own question and
// goes on for ever. Ours asks nobody there, and never goes anywhere. page_config.json switches Jupyter's off.

/** The plugin that gives the name. */
export function resolverPlugin({ apputils, coreutils }) {
  return {
    id: "nbhosting:resolver",
    description: "Names the window, in an iframe as well.",
    autoStart: true,
    provides: apputils.IWindowResolver,
    activate: async () => {
      const { PageConfig } = coreutils;
      const name = PageConfig.getOption("workspace") || PageConfig.defaultWorkspace;
      if (window.parent !== window) {
        return { name };
      }
      const resolver = new apputils.WindowResolver();
      try {
        await resolver.resolve(name);
        return resolver;
      } catch {
        // Another window has it: this one's layout is its own.
        return { name: `auto-${Math.random().toString(36).slice(2, 8)}` };
      }
    },
  };
}
