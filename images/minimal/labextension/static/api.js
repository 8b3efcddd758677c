// nbhostd's own API below the workspace's address. Nothing here throws: an answer that did not come has status 0.

export class Api {
  #base;

  /** `baseUrl` is Jupyter's, '/w/<secret>/'. */
  constructor(baseUrl) {
    this.#base = `${baseUrl}.nbhostd/api/`;
  }

  /** {status, body}; body is {} when it is no JSON. */
  async ask(method, name, body) {
    const request = { method, headers: { Accept: "application/json" }, cache: "no-store" };
    if (body !== undefined) {
      request.headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(body);
    }
    try {
      const answer = await fetch(this.#base + name, request);
      return { status: answer.status, body: await answer.json().catch(() => ({})) };
    } catch {
      return { status: 0, body: {} };
    }
  }

  get(name) {
    return this.ask("GET", name);
  }

  post(name, body = {}) {
    return this.ask("POST", name, body);
  }
}
