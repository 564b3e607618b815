// Where the entries come from: all that is stored in one go, then what comes live, each once whatever the link does.

const PAUSES = [500, 1000, 2000, 5000, 10000];
const SILENCE = 40000; // the server says something every 15 s: a link that is silent for longer is dead

/** The link asks for what nobody may see, or is not there: trying again would not help. */
export class Refused extends Error {}

/** Yield what is stored behind `after`, in lists of entries; raises when the connection breaks. */
export async function* stored(url, after) {
  const answer = await open(url, after, undefined);
  const pieces = pieceReader(answer);
  let rest = "";
  for (let piece = await pieces.next(); !piece.done; piece = await pieces.next()) {
    const lines = (rest + piece.value).split("\n");
    rest = lines.pop();
    yield lines.map((line) => JSON.parse(line));
  }
}

/**
 * Follow a log behind `from()` until its end; `told` has `entries`, `status`, `end`, `problem` and `link`, which is told
 * whether there is a connection.
 */
export async function follow(url, from, told) {
  let attempt = 0;
  while (true) {
    const began = from();
    try {
      const ended = await followOnce(url, from, told);
      if (ended) return;
      attempt = 0; // the server ends each connection after ten minutes
    } catch (error) {
      if (error instanceof Refused) {
        told.problem(error.message);
        return;
      }
      attempt = from() > began ? 1 : attempt + 1;
      told.link(false);
    }
    if (attempt > 0) await pause(PAUSES[Math.min(attempt, PAUSES.length) - 1]);
  }
}

async function followOnce(url, from, told) {
  const control = new AbortController();
  const lost = () => control.abort();
  window.addEventListener("offline", lost);
  let alarm = setTimeout(lost, SILENCE);
  try {
    const answer = await open(url, from(), control.signal);
    told.link(true);
    const pieces = pieceReader(answer);
    let rest = "";
    for (let piece = await pieces.next(); !piece.done; piece = await pieces.next()) {
      clearTimeout(alarm);
      alarm = setTimeout(lost, SILENCE);
      const events = (rest + piece.value).split("\n\n");
      rest = events.pop();
      if (hand(events.map(parsed), told)) return true;
    }
    return false;
  } finally {
    clearTimeout(alarm);
    window.removeEventListener("offline", lost);
    control.abort();
  }
}

// Entries that came together are handed over together; returns whether the log has ended.
function hand(events, told) {
  const entries = events.filter((event) => event.name === "message" && event.data).map((event) => event.data);
  if (entries.length) told.entries(entries);
  for (const { name, data } of events) {
    if (name === "status") told.status(data.status);
    if (name === "error" && data) throw new Refused(data.message);
    if (name === "end") {
      told.end(data);
      return true;
    }
  }
  return false;
}

function parsed(text) {
  let name = "message";
  let data = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) data += line.slice(5).trim();
  }
  return { name, data: data ? JSON.parse(data) : null };
}

async function open(url, after, signal) {
  const place = new URL(url, location.href);
  place.searchParams.set("after", after);
  const answer = await fetch(place, { signal, cache: "no-store" });
  if (answer.status === 401) throw new Refused("You are signed out: sign in again to go on reading.");
  if (answer.status === 403 || answer.status === 404) throw new Refused("This log may not be read any more.");
  if (!answer.ok || answer.body === null) throw new Error(`answered with ${answer.status}`);
  return answer;
}

async function* pieceReader(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

// Back at once when the browser says that there is a network again.
function pause(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    window.addEventListener("online", done);
  });
}
