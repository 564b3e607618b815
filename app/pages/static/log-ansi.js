// Colour codes of terminals: what a line says without them, and its stretches of one look each.

// As the server strips them: nothing more than this is an escape sequence.
const CODE = /\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,1024}(?:\x07|\x1b\\)|[ -/]{1,8}[0-~]|[0-Z\\^-~])/g;
const LOOK = /^\x1b\[([0-9;:]*)m$/;
const FLAGS = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const ENDS = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 29: ["strike"] };
const CUBE = [0, 95, 135, 175, 215, 255];

/** The text as it is read, without escape sequences. */
export function plain(text) {
  return text.includes("\x1b") ? text.replace(CODE, "") : text;
}

/**
 * The stretches of a line: `{text, classes, foreground, background}`; the colours are `rgb(…)` for what has no class, or
 * null. Each line begins without a colour.
 */
export function stretches(text) {
  if (!text.includes("\x1b")) return [{ text, classes: [], foreground: null, background: null }];
  const found = [];
  const state = blank();
  let from = 0;
  for (const match of text.matchAll(CODE)) {
    add(found, text.slice(from, match.index), state);
    from = match.index + match[0].length;
    const look = LOOK.exec(match[0]);
    if (look) change(state, look[1]);
  }
  add(found, text.slice(from), state);
  return found;
}

function blank() {
  return { flags: new Set(), foreground: null, background: null };
}

function add(found, text, state) {
  if (!text) return;
  let { foreground, background } = state;
  const classes = [...state.flags].filter((flag) => flag !== "inverse").map((flag) => `ansi-${flag}`);
  if (state.flags.has("inverse")) {
    [foreground, background] = [background ?? "ground", foreground ?? "text"];
  }
  if (isNamed(foreground)) classes.push(`ansi-fg-${foreground}`);
  if (isNamed(background)) classes.push(`ansi-bg-${background}`);
  if (Array.isArray(foreground) && background === null) foreground = readable(foreground);
  found.push({ text, classes, foreground: rgb(foreground), background: rgb(background) });
}

function isNamed(colour) {
  return colour !== null && !Array.isArray(colour);
}

function rgb(colour) {
  return Array.isArray(colour) ? `rgb(${colour.join(" ")})` : null;
}

function change(state, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) Object.assign(state, blank());
    else if (FLAGS[code]) state.flags.add(FLAGS[code]);
    else if (ENDS[code]) ENDS[code].forEach((flag) => state.flags.delete(flag));
    else if (code >= 30 && code <= 37) state.foreground = code - 30;
    else if (code >= 90 && code <= 97) state.foreground = code - 82;
    else if (code >= 40 && code <= 47) state.background = code - 40;
    else if (code >= 100 && code <= 107) state.background = code - 92;
    else if (code === 39) state.foreground = null;
    else if (code === 49) state.background = null;
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(at + 1));
      if (colour !== undefined) state[code === 38 ? "foreground" : "background"] = colour;
      at += used;
    }
  }
}

// `5;N` of 256 colours, or `2;R;G;B`.
function extended(codes) {
  if (codes[0] === 5 && codes[1] <= 255) return [of256(codes[1]), 2];
  if (codes[0] === 2 && codes.slice(1, 4).length === 3) return [codes.slice(1, 4).map((one) => Math.min(one, 255)), 4];
  return [undefined, codes.length];
}

function of256(number) {
  if (number < 16) return number;
  if (number >= 232) return Array(3).fill(8 + (number - 232) * 10);
  const index = number - 16;
  return [CUBE[Math.floor(index / 36)], CUBE[Math.floor(index / 6) % 6], CUBE[index % 6]];
}

// A dark colour on the log's dark ground is made lighter until it can be read (contrast of 4.5 to 1).
function readable(colour) {
  let lighter = colour;
  for (let share = 0.1; luminance(lighter) < 0.215 && share <= 1; share += 0.1) {
    lighter = colour.map((one) => Math.round(one + (255 - one) * share));
  }
  return lighter;
}

function luminance(colour) {
  const [red, green, blue] = colour.map((one) => {
    const part = one / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
