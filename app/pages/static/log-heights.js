// The heights of rows one below the other: all alike, or each its own, summed up in a Fenwick tree.

/** Where each row begins, and which row is at a height; both take a few steps however many rows there are. */
export class Heights {
  #each = null; // the height of all rows, or null when each has its own
  #count = 0;
  #own = [];
  #sums = [0]; // #sums[i] is the sum of the last (i & -i) heights up to the i-th

  /** Begin anew with `count` rows; `each` is a height or a function of the row's index. */
  reset(count, each) {
    this.#count = 0;
    this.#own = [];
    this.#sums = [0];
    this.#each = typeof each === "number" ? each : null;
    if (this.#each !== null) this.#count = count;
    else for (let index = 0; index < count; index += 1) this.add(each(index));
  }

  /** Add a row at the end. */
  add(height) {
    this.#count += 1;
    if (this.#each !== null) return;
    this.#own.push(height);
    let sum = height;
    const lowest = this.#count & -this.#count;
    for (let step = 1; step < lowest; step <<= 1) sum += this.#sums[this.#count - step];
    this.#sums.push(sum);
  }

  /** Give a row another height; return by how much it has grown. */
  set(index, height) {
    if (this.#each !== null) return 0;
    const change = height - this.#own[index];
    if (change === 0) return 0;
    this.#own[index] = height;
    for (let at = index + 1; at <= this.#count; at += at & -at) this.#sums[at] += change;
    return change;
  }

  /** Where row `index` begins; the end of all for `index` = count. */
  top(index) {
    if (this.#each !== null) return index * this.#each;
    let sum = 0;
    for (let at = index; at > 0; at -= at & -at) sum += this.#sums[at];
    return sum;
  }

  /** The row that is at height `y`, the first or last one outside of them. */
  at(y) {
    if (this.#count === 0) return 0;
    if (this.#each !== null) return clamp(Math.floor(y / this.#each), this.#count);
    let at = 0;
    let left = y;
    for (let step = 2 ** Math.floor(Math.log2(this.#count)); step >= 1; step /= 2) {
      if (at + step <= this.#count && this.#sums[at + step] <= left) {
        at += step;
        left -= this.#sums[at];
      }
    }
    return clamp(at, this.#count);
  }
}

function clamp(index, count) {
  return Math.max(0, Math.min(index, count - 1));
}
