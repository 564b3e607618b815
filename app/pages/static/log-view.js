// The log as it is seen: which rows, how they look, where one is in it, and whether it follows what comes.

import { plain } from "./log-ansi.js";
import { VirtualList } from "./log-list.js";
import { rowElement } from "./log-row.js";

const ROW = 20; // pixels, as log.css has it

/** The view of a store in `scroller`; `changed()` is called when it follows, or no longer does, or lines are selected. */
export class LogView {
  times = "off";
  isFollowing = true;
  unseen = 0; // rows that have come since it last followed
  selected = null; // [first, last] orders
  #store;
  #search;
  #scroller;
  #list;
  #changed;
  #wrap = false;
  #lastTop = 0;
  #count = 0;
  #isScheduled = false;
  #digits = 0;

  constructor(scroller, store, search, changed) {
    this.#store = store;
    this.#search = search;
    this.#scroller = scroller;
    this.#changed = changed;
    this.#list = new VirtualList(scroller, (position) => this.#element(position));
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  get wrap() {
    return this.#wrap;
  }

  set wrap(value) {
    this.#wrap = value;
    this.#scroller.classList.toggle("log-wraps", value);
    this.rebuild();
  }

  get first() {
    return this.#list.first;
  }

  /** The number of the first line in sight. */
  get firstOrder() {
    return this.#count ? this.#store.row(this.#list.first).order : 0;
  }

  /** Other rows are shown, or all have another height; the line `order` stays where it is. */
  rebuild(order = this.firstOrder) {
    this.#count = this.#store.shown.length;
    this.#fitGutter();
    this.#list.reset(this.#count, ROW, this.#wrap ? this.#guess() : null);
    if (this.isFollowing) this.#list.toEnd();
    else if (this.#count) this.toPosition(Math.max(0, this.#store.find(order)), "start");
  }

  /** Rows have come at the end of the store. */
  grow() {
    const count = this.#store.shown.length;
    if (count === this.#count) return;
    if (!this.isFollowing) this.unseen += count - this.#count;
    this.#count = count;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#fitGutter();
      this.#list.grow(this.#count);
      if (this.isFollowing) this.#list.toEnd();
      else this.#changed();
    });
  }

  /** Make the rows in sight anew: they look different now. */
  redraw() {
    this.#list.clear();
  }

  follow(value) {
    this.isFollowing = value;
    this.unseen = 0;
    if (value) this.#list.toEnd();
    this.#changed();
  }

  toPosition(position, where = "middle") {
    this.isFollowing = false;
    if (where === "start") this.#list.toStart(position);
    else this.#list.reveal(position);
    this.#changed();
  }

  /** Go to a row and, in a long one, to the first hit. */
  toHit(position) {
    this.toPosition(position);
    const hit = this.#scroller.querySelector(".log-current mark");
    if (hit === null) return;
    const [box, seen] = [hit.getBoundingClientRect(), this.#scroller.getBoundingClientRect()];
    const gutter = hit.closest(".log-row").firstElementChild.offsetWidth;
    if (box.right > seen.right || box.left < seen.left + gutter) {
      this.#scroller.scrollLeft += box.left - seen.left - seen.width / 2;
    }
  }

  /** Go to the very first row. */
  toTop() {
    this.toPosition(0, "start");
  }

  /** Select lines by their numbers and show the first one; null for none. */
  select(range, { show = true } = {}) {
    this.selected = range;
    this.redraw();
    const position = range === null ? -1 : this.#store.find(range[0]);
    if (show && position >= 0) this.toPosition(position);
    else this.#changed();
  }

  #element(position) {
    const row = this.#store.row(position);
    const [first, last] = this.selected ?? [Infinity, 0];
    return rowElement(row, {
      times: this.times,
      expression: this.#search.expression,
      current: this.#search.current === position,
      selected: row.order >= first && row.order <= last,
    });
  }

  #scrolled() {
    const top = this.#scroller.scrollTop;
    const wasFollowing = this.isFollowing;
    if (this.#list.isAtEnd) this.isFollowing = true;
    else if (top < this.#lastTop) this.isFollowing = false;
    this.#lastTop = top;
    if (this.isFollowing) this.unseen = 0;
    if (wasFollowing !== this.isFollowing) this.#changed();
  }

  // How high a row will be when its text wraps: right for a monospaced text, measured when it is seen.
  #guess() {
    const columns = this.#columns();
    return (position) => {
      const { length } = plain(this.#store.texts[this.#store.shown[position]]);
      return ROW * Math.max(1, Math.ceil(Math.min(length, 5000) / columns));
    };
  }

  #columns() {
    const probe = document.createElement("span");
    probe.className = "log-probe";
    probe.textContent = "0".repeat(100);
    this.#scroller.append(probe);
    const width = probe.getBoundingClientRect().width / 100;
    probe.remove();
    const gutter = this.#digits + (this.times === "off" ? 7 : 20); // characters, as log.css has it
    return Math.max(10, Math.floor(this.#scroller.clientWidth / (width || 8)) - gutter);
  }

  // Line numbers take as many digits as the longest one has.
  #fitGutter() {
    const digits = Math.max(3, String(this.#store.last).length);
    if (digits === this.#digits) return;
    this.#digits = digits;
    this.#scroller.style.setProperty("--log-digits", digits);
  }
}
