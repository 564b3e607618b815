// What is above the log: search, times, wrapping, hidden lines, copying; and the keys and links that do the same.

import { copyText } from "./log-copy.js";
import { bindKeys } from "./log-keys.js";
import { timeText } from "./log-row.js";

const TYPING = 120; // milliseconds after which a text is looked for
const NEXT_TIMES = { off: "local", local: "utc", utc: "off" };

/** Ties the controls to a view; `part(name)` finds them. */
export class Controls {
  #part;
  #store;
  #search;
  #view;

  constructor(part, store, search, view) {
    this.#part = part;
    this.#store = store;
    this.#search = search;
    this.#view = view;
    part("controls").hidden = false;
    this.#setTimes(remembered("times", "off"));
    this.#press("wrap", remembered("wrap", "false") === "true");
    this.#bindButtons();
    this.#bindSearch();
    this.#bindLines();
    bindKeys({
      "/": () => part("search").focus(),
      n: () => this.#step(1),
      N: () => this.#step(-1),
      g: () => view.toTop(),
      G: () => view.follow(true),
      f: () => view.follow(!view.isFollowing),
      w: () => this.#toggle("wrap"),
      t: () => this.#setTimes(NEXT_TIMES[view.times]),
    });
    this.#showHits();
  }

  /** Tell whoever does not see it. */
  say(text) {
    this.#part("announce").textContent = text;
  }

  /** Rows have come: there may be more hits among them. */
  showMore() {
    this.#search.more();
    if (this.#search.expression) this.#showHits();
  }

  /** Say which lines would be copied. */
  showSelected() {
    const range = this.#view.selected;
    const lines = range && (range[0] === range[1] ? `line ${range[0]}` : `lines ${range[0]}–${range[1]}`);
    this.#part("copy").textContent = lines ? `Copy ${lines}` : "Copy";
  }

  #bindButtons() {
    const part = this.#part;
    part("times").addEventListener("change", (event) => this.#setTimes(event.target.value));
    part("previous").addEventListener("click", () => this.#step(-1));
    part("next").addEventListener("click", () => this.#step(1));
    part("wrap").addEventListener("click", () => this.#toggle("wrap"));
    part("hidden").addEventListener("click", () => this.#toggle("hidden"));
    part("copy").addEventListener("click", () => this.#copy());
  }

  #bindSearch() {
    const field = this.#part("search");
    let typing = 0;
    field.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.#look(), TYPING);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#step(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") this.#leaveSearch();
      else return;
      event.preventDefault();
    });
  }

  #bindLines() {
    this.#part("scroller").addEventListener("click", (event) => {
      const order = event.target.closest("[data-order]")?.dataset.order;
      if (order === undefined || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.#pick(Number(order), event.shiftKey);
    });
  }

  #look() {
    this.#search.look(this.#part("search").value, this.#view.first);
    this.#showHits();
    this.#view.redraw();
    if (this.#search.current !== null) this.#view.toHit(this.#search.current);
  }

  #step(by) {
    const position = this.#search.step(by);
    if (position === null) return;
    this.#showHits();
    this.#view.redraw();
    this.#view.toHit(position);
  }

  #leaveSearch() {
    this.#part("search").value = "";
    this.#look();
    this.#part("scroller").focus();
  }

  #showHits() {
    const { hits, at, expression } = this.#search;
    const place = hits.length ? `${(at + 1).toLocaleString()} of ${hits.length.toLocaleString()}` : "no hits";
    this.#part("hits").textContent = expression === null ? "" : place;
    this.#part("previous").disabled = this.#part("next").disabled = !hits.length;
  }

  #pick(order, isRange) {
    const first = isRange && this.#view.selected ? this.#view.selected[0] : order;
    const range = [Math.min(first, order), Math.max(first, order)];
    history.replaceState(null, "", range[0] === range[1] ? `#L${order}` : `#L${range[0]}-L${range[1]}`);
    this.#view.select(range, { show: false });
  }

  #toggle(name) {
    const value = this.#part(name).getAttribute("aria-pressed") !== "true";
    this.#press(name, value);
    if (name === "wrap") remember("wrap", value);
  }

  #press(name, value) {
    this.#part(name).setAttribute("aria-pressed", value);
    if (name === "wrap") {
      this.#view.wrap = value;
      return;
    }
    const order = this.#view.firstOrder;
    this.#store.withHidden = value;
    this.#search.again();
    this.#showHits();
    this.#view.rebuild(order);
  }

  #setTimes(times) {
    this.#view.times = times;
    this.#part("times").value = times;
    remember("times", times);
    this.#view.rebuild();
  }

  async #copy() {
    const [first, last] = this.#view.selected ?? [1, Infinity];
    const { times } = this.#view;
    const stamp = (time) => (times === "off" ? "" : `${timeText(time, times)} `);
    const isDone = await copyText(this.#store.text(first, last, stamp));
    this.say(isDone ? "Copied." : "The browser does not let this page copy.");
    this.#part("copy").textContent = isDone ? "Copied ✓" : "Not copied";
    setTimeout(() => this.showSelected(), 1500);
  }
}

function remembered(name, otherwise) {
  try {
    return localStorage.getItem(`shiplog-log-${name}`) ?? otherwise;
  } catch {
    return otherwise; // storage may be forbidden
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`shiplog-log-${name}`, value);
  } catch {
    // as above
  }
}
