// Searching the whole log: which lines have a text, and which of them is the current one.

/** The hits of one text among the shown rows of a store, as their positions. */
export class Search {
  expression = null; // finds every hit in a line, or null without a text
  hits = [];
  at = -1; // the current one among `hits`
  #test = null;
  #searched = 0;
  #store;

  constructor(store) {
    this.#store = store;
  }

  /** Look for a text, literally, upper and lower case alike; the current hit is the first one from `from` on. */
  look(text, from) {
    const literal = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    this.expression = text ? new RegExp(literal, "giu") : null;
    this.#test = text ? new RegExp(literal, "iu") : null;
    this.again();
    this.at = this.hits.findIndex((position) => position >= from);
    if (this.at < 0 && this.hits.length) this.at = 0;
  }

  /** Look again from the beginning: other rows are shown now. */
  again() {
    this.hits = [];
    this.at = -1;
    this.#searched = 0;
    this.more();
  }

  /** Look through the rows that have come since. */
  more() {
    if (this.#test === null) return;
    // Not push(...): a hundred thousand arguments are too many.
    for (const position of this.#store.search(this.#test, this.#searched)) this.hits.push(position);
    this.#searched = this.#store.shown.length;
  }

  /** Go to the next hit (1) or the one before (-1), around the ends; return its position or null. */
  step(by) {
    if (!this.hits.length) return null;
    this.at = (this.at + by + this.hits.length) % this.hits.length;
    return this.current;
  }

  get current() {
    return this.at < 0 ? null : this.hits[this.at];
  }
}
