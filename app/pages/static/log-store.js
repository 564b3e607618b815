// The whole log in memory, a row for each line that is seen, in parallel arrays: an object each would take twice as much.

import { plain } from "./log-ansi.js";

export const STDERR = 1;
export const HIDDEN = 2;
export const STEP = 4; // the name of a step
export const COMMAND = 8; // the command that a step runs

/** Rows by index, and `shown`: the indexes of those that are seen now. */
export class Store {
  texts = [];
  orders = [];
  times = []; // milliseconds, UTC
  kinds = [];
  batches = [];
  shown = [];
  last = 0; // the highest `order` that has come
  #withHidden = false;

  get withHidden() {
    return this.#withHidden;
  }

  /** Show or leave out Shiplog's own bookkeeping. */
  set withHidden(value) {
    this.#withHidden = value;
    this.shown = [];
    for (let row = 0; row < this.texts.length; row += 1) this.#show(row);
  }

  /** Take an entry, unless it has come before; return whether it was new. */
  take(entry) {
    if (entry.order <= this.last) return false;
    this.last = entry.order;
    const kind = (entry.type === "stderr" ? STDERR : 0) | (entry.hidden ? HIDDEN : 0);
    const time = Date.parse(entry.timestamp);
    if (entry.name) this.#add(entry, entry.name, kind | STEP, time);
    if (entry.command) this.#add(entry, entry.command, kind | COMMAND, time);
    if (entry.output !== entry.name) {
      for (const line of entry.output.split("\n")) this.#add(entry, line, kind, time);
    }
    return true;
  }

  /** Which of the shown rows has `order`, or the first one behind it; -1 when none has come. */
  find(order) {
    let [low, high] = [0, this.shown.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.orders[this.shown[middle]] < order) low = middle + 1;
      else high = middle;
    }
    return low < this.shown.length ? low : -1;
  }

  /** A shown row as it is rendered. */
  row(position) {
    const row = this.shown[position];
    const isFirst = row === 0 || this.orders[row - 1] !== this.orders[row];
    return {
      text: this.texts[row],
      order: this.orders[row],
      time: this.times[row],
      kind: this.kinds[row],
      isFirst,
    };
  }

  /** The positions, from `from` on, of the shown rows in which `expression` finds something. */
  search(expression, from = 0) {
    const found = [];
    for (let position = from; position < this.shown.length; position += 1) {
      if (expression.test(plain(this.texts[this.shown[position]]))) found.push(position);
    }
    return found;
  }

  /** The shown rows from `first` to `last` (orders) as text, each behind what `stamp` makes of its time. */
  text(first, last, stamp) {
    const lines = [];
    for (const row of this.shown) {
      if (this.orders[row] < first || this.orders[row] > last) continue;
      const mark = this.kinds[row] & STEP ? "── " : this.kinds[row] & COMMAND ? "$ " : "";
      lines.push(stamp(this.times[row]) + mark + plain(this.texts[row]));
    }
    return lines.join("\n");
  }

  #add(entry, text, kind, time) {
    this.texts.push(text);
    this.orders.push(entry.order);
    this.times.push(time);
    this.kinds.push(kind);
    this.batches.push(entry.batch);
    this.#show(this.texts.length - 1);
  }

  #show(row) {
    if (this.#withHidden || !(this.kinds[row] & HIDDEN)) this.shown.push(row);
  }
}
