// A list of any number of rows of which only those in sight are in the document.

import { Heights } from "./log-heights.js";

const MORE = 6; // rows kept ready above and below what is seen

/** Shows rows in `scroller`, which holds a sizer that holds the rows; `render(position)` makes the element of one. */
export class VirtualList {
  #scroller;
  #sizer;
  #rows;
  #render;
  #heights = new Heights();
  #elements = new Map();
  #count = 0;
  #rowHeight = 20;
  #each = null; // how high each row will be, as a guess, when they are not all alike
  #isScheduled = false;
  #height = 0;
  #top = 0;

  constructor(scroller, render) {
    this.#scroller = scroller;
    this.#sizer = scroller.firstElementChild;
    this.#rows = this.#sizer.firstElementChild;
    this.#render = render;
    scroller.addEventListener("scroll", () => this.schedule(), { passive: true });
    new ResizeObserver(() => {
      this.#height = scroller.clientHeight;
      this.schedule();
    }).observe(scroller);
  }

  /** Rows that are `height` high, or as high as `guess(position)` says until they have been seen. */
  reset(count, height, guess = null) {
    this.#rowHeight = height;
    this.#each = guess;
    this.#count = count;
    this.#heights.reset(count, guess ?? height);
    this.clear();
    this.#resize();
  }

  /** There are more rows now. */
  grow(count) {
    if (this.#each === null) this.#heights.reset(count, this.#rowHeight);
    else for (let position = this.#count; position < count; position += 1) this.#heights.add(this.#each(position));
    this.#count = count;
    this.#resize();
  }

  /** Make all elements anew: they look different now. */
  clear() {
    for (const element of this.#elements.values()) element.remove();
    this.#elements.clear();
    this.schedule();
  }

  schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.draw();
    });
  }

  /** Bring a row into sight; into the middle if it was out of sight. */
  reveal(position) {
    const [top, bottom] = [this.#heights.top(position), this.#heights.top(position + 1)];
    const seen = this.#scroller.scrollTop;
    if (top >= seen && bottom <= seen + this.#height) {
      this.draw();
      return;
    }
    this.#scroller.scrollTop = Math.max(0, top - this.#height / 2 + (bottom - top) / 2);
    this.draw();
  }

  /** Bring a row to the top of what is in sight. */
  toStart(position) {
    this.#scroller.scrollTop = this.#heights.top(position);
    this.draw();
  }

  toEnd() {
    this.#scroller.scrollTop = this.#heights.top(this.#count);
    this.draw();
    // The rows at the end may have been higher than was guessed.
    if (this.#each !== null) this.#scroller.scrollTop = this.#heights.top(this.#count);
  }

  get isAtEnd() {
    return this.#scroller.scrollTop + this.#height >= this.#heights.top(this.#count) - this.#rowHeight;
  }

  /** The first row in sight. */
  get first() {
    return this.#heights.at(this.#scroller.scrollTop);
  }

  draw() {
    this.#height ||= this.#scroller.clientHeight;
    const top = this.#scroller.scrollTop;
    const first = Math.max(0, this.#heights.at(top) - MORE);
    const last = Math.min(this.#count - 1, this.#heights.at(top + this.#height) + MORE);
    for (const [position, element] of this.#elements) {
      if (position < first || position > last) {
        element.remove();
        this.#elements.delete(position);
      }
    }
    this.#fill(first, last);
    if (this.#each !== null) this.#measure(first, last);
    const begin = this.#heights.top(first);
    if (begin !== this.#top) {
      this.#top = begin;
      this.#rows.style.transform = `translateY(${begin}px)`;
    }
  }

  // What stays in sight keeps its element; new ones stand before the next that is there.
  #fill(first, last) {
    let next = null;
    for (let position = last; position >= first; position -= 1) {
      let element = this.#elements.get(position);
      if (element === undefined) {
        element = this.#render(position);
        this.#elements.set(position, element);
        this.#rows.insertBefore(element, next);
      }
      next = element;
    }
  }

  // Rows above the first one in sight that turn out to be higher must not push it away.
  #measure(first, last) {
    const seen = this.first;
    let pushed = 0;
    let changed = 0;
    const heights = [];
    for (let position = first; position <= last; position += 1) {
      heights.push(this.#elements.get(position).getBoundingClientRect().height);
    }
    heights.forEach((height, index) => {
      const change = this.#heights.set(first + index, height);
      changed += Math.abs(change);
      if (first + index < seen) pushed += change;
    });
    if (changed) this.#resize();
    if (pushed) this.#scroller.scrollTop += pushed;
  }

  #resize() {
    this.#sizer.style.height = `${this.#heights.top(this.#count)}px`;
    this.schedule();
  }
}
