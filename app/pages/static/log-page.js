// What stands around the log: the parts of the page that change while the deployment runs, and the progress of pulls.

const PACE = 2000;
const LAYER = /^\s*([0-9a-f]{12}) (Pulling fs layer|Waiting|Downloading|Verifying Checksum|Download complete|Extracting|Pull complete|Already exists)\b/;

/** Have the page's parts looked at: something has happened. */
export function tellChanged() {
  document.dispatchEvent(new CustomEvent("shiplog:changed"));
}

/** Keep the page's parts as the server has them, until the deployment has ended. */
export function startPage() {
  const page = document.querySelector("[data-state]");
  if (page === null || page.dataset.live !== "true") return;
  let isAsking = false;
  let isWanted = false;
  const refresh = async () => {
    if (isAsking) {
      isWanted = true;
      return;
    }
    isAsking = true;
    const isOver = await replaceParts(page.dataset.state);
    isAsking = false;
    if (isOver) {
      clearInterval(timer);
      document.removeEventListener("shiplog:changed", refresh);
    } else if (isWanted) {
      isWanted = false;
      refresh();
    }
  };
  const timer = setInterval(refresh, PACE);
  document.addEventListener("shiplog:changed", refresh);
}

// Returns whether nothing will change any more.
async function replaceParts(url) {
  let text;
  try {
    const answer = await fetch(url, { headers: { "HX-Request": "true" }, cache: "no-store" });
    if (answer.status === 401 || answer.status === 404) {
      location.reload(); // signed out, or deleted: the page says so
      return true;
    }
    if (!answer.ok) return false;
    text = await answer.text();
  } catch {
    return false; // no connection: the log says so
  }
  const parts = new DOMParser().parseFromString(text, "text/html");
  for (const part of parts.querySelectorAll("[id^=deployment-]")) replace(part);
  document.dispatchEvent(new CustomEvent("shiplog:replaced"));
  return parts.querySelector("[data-live]").dataset.live !== "true";
}

// What is as it was stays, and so does what somebody is about to use.
function replace(part) {
  const old = document.getElementById(part.id);
  if (old === null) return;
  // Times go on by themselves: a new second is no reason to begin every animation anew.
  const clocks = old.querySelectorAll("[data-since], [data-ago]");
  part.querySelectorAll("[data-since], [data-ago]").forEach((clock, index) => {
    if (clocks[index]) clock.textContent = clocks[index].textContent;
  });
  if (old.isEqualNode(part) || old.querySelector("dialog[open]")) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  old.replaceWith(document.adoptNode(part));
  if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

/** How far the pulls of the step that runs are, from what Compose says of each layer. */
export class Progress {
  #layers = new Map();
  #isOver = false;

  constructor() {
    document.addEventListener("shiplog:replaced", () => this.show());
  }

  take(entry) {
    if (entry.name) this.#layers.clear();
    const said = LAYER.exec(entry.output);
    if (said) this.#layers.set(said[1], said[2]);
  }

  show() {
    const place = document.querySelector("[data-pulls]");
    if (place === null) return;
    const states = [...this.#layers.values()];
    const done = states.filter((state) => state === "Pull complete" || state === "Already exists").length;
    place.hidden = this.#isOver || !states.length;
    place.textContent = `${done} of ${states.length} layers pulled`;
  }

  end() {
    this.#isOver = true;
    this.show();
  }
}
