// Asks nbhostd now and then how the workspace is, and says so when a person should know.
// Asking neither wakes a workspace nor keeps it awake.

const USUAL_PAUSE = 30;
const LONGEST_PAUSE = 60;
const AFTER_A_HINT = 500;

export class Watch {
  #api;
  #banner;
  #say;
  #unsaved;
  #timer = 0;
  #clock = 0;
  #kills = null;
  #over = false;
  #onStop;
  #first = deferred();

  /** `unsaved()` is an action that hands over what is not saved, or null when all is; `onStop()` hears of the end. */
  constructor(api, banner, say, unsaved, onStop) {
    this.#api = api;
    this.#banner = banner;
    this.#say = say;
    this.#unsaved = unsaved;
    this.#onStop = onStop;
  }

  /** What nbhostd said first: {course, student, mode, …}. */
  get first() {
    return this.#first.promise;
  }

  /** Look now, and again after as long as the answer says. */
  async look() {
    clearTimeout(this.#timer);
    const { status, body } = await this.#api.get("status");
    const pause = Math.min(body.ask_again || USUAL_PAUSE, LONGEST_PAUSE);
    if (status === 200) {
      this.#first.resolve(body);
      this.#tell(body);
    } else if (status === 404 && body.reason === "no-such-workspace") {
      this.#gone("moved", []);
    }
    if (!this.#over) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.look(), pause * 1000);
    }
  }

  /** Something happened that nbhostd may know more about. */
  soon() {
    if (!this.#over) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.look(), AFTER_A_HINT);
    }
  }

  #tell(body) {
    if (["asleep", "stopping", "failed"].includes(body.phase)) {
      const known = { idle: "stopped-idle", lifetime: "stopped-lifetime", memory: "stopped-memory" };
      const word = known[body.stops_because] || "stopped";
      this.#gone(word, [[this.#say("start-again"), () => window.location.reload()]]);
      return;
    }
    if (this.#kills !== null && body.memory_kills > this.#kills) {
      this.#banner.hide("memory");
      this.#banner.show("memory", {
        text: this.#say("out-of-memory", { limit: this.#size(body.memory_limit) }),
        urgent: true,
        buttons: [[this.#say("close"), () => this.#banner.hide("memory")]],
      });
    }
    this.#kills = body.memory_kills;
    this.#warn(body.stops_in, body.stops_because);
  }

  #gone(word, buttons) {
    this.#over = true;
    this.#onStop();
    this.#calm();
    this.#banner.hide("stops");
    const unsaved = this.#unsaved();
    this.#banner.show("stopped", {
      text: this.#say(word),
      urgent: true,
      buttons: unsaved ? [...buttons, [this.#say("take-unsaved"), unsaved]] : buttons,
    });
  }

  #warn(seconds, because) {
    this.#calm();
    if (seconds === null || seconds === undefined) {
      this.#banner.hide("stops");
      return;
    }
    const end = Date.now() + seconds * 1000;
    if (!document.querySelector(".nbhosting-countdown")) {
      this.#show_warning(seconds, because);
    }
    const count = () => {
      const left = Math.max(0, Math.round((end - Date.now()) / 1000));
      const clock = document.querySelector(".nbhosting-countdown");
      if (clock) {
        clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      }
    };
    count();
    this.#clock = setInterval(count, 1000);
  }

  #show_warning(seconds, because) {
    const minutes = Math.max(1, Math.round(seconds / 60));
    const lifetime = because === "lifetime";
    // The clock is for eyes: read out each second it would drown everything else.
    const clock = document.createElement("span");
    clock.className = "nbhosting-countdown";
    clock.setAttribute("aria-hidden", "true");
    this.#banner.show("stops", {
      text: `${this.#say(lifetime ? "ends-lifetime" : "ends-idle", { minutes })} `,
      content: [clock],
      buttons: lifetime ? [] : [[this.#say("keep"), () => this.keep()]],
    });
  }

  #calm() {
    clearInterval(this.#clock);
  }

  /** A person says that the workspace is still wanted. */
  async keep() {
    const { status } = await this.#api.post("keep");
    if (status === 200) {
      this.#calm();
      this.#banner.hide("stops");
    }
    this.soon();
  }

  #size(bytes) {
    const [unit, amount] = bytes >= 2 ** 30 ? ["gigabytes", bytes / 2 ** 30] : ["megabytes", bytes / 2 ** 20];
    return this.#say(unit, { amount: Math.round(amount * 10) / 10 });
  }
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve) => {
    made.resolve = resolve;
  });
  return made;
}
