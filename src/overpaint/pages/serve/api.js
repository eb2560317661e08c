// The service, asked.
async function answered(path, how = {}) {
  let answer;
  try {
    answer = await fetch(path, how);
  } catch {
    throw new Error("The server does not answer; is overpaint serve still running?");
  }
  if (answer.ok) return answer;
  let said = "";
  try {
    said = (await answer.json()).error;
  } catch { /* no sentence: the one below */ }
  throw Object.assign(new Error(said || `The server refuses (${answer.status}).`), { status: answer.status });
}

export const get = async (path) => (await answered(path)).json();
export const remove = async (path) => (await answered(path, { method: "DELETE" })).json();
export async function post(path, said, key) {
  const headers = { "content-type": "application/json", ...(key ? { "idempotency-key": key } : {}) };
  return (await answered(path, { method: "POST", headers, body: JSON.stringify(said ?? {}) })).json();
}

/** Send a picture; what is known of it. */
export async function send(file) {
  const form = new FormData();
  form.append("file", file, "picture");
  return (await answered("/api/pictures", { method: "POST", body: form })).json();
}

export const view = (id, side) => `/api/pictures/${id}/view${side ? `?side=${side}` : ""}`;

/** A picture to draw. */
export async function bitmap(source) {
  const image = new Image();
  image.decoding = "async";
  image.src = source;
  try {
    await image.decode();
  } catch {
    throw new Error("A picture could not be shown.");
  }
  return image;
}

/** Listen to work until it is over; gives what stops listening. */
export function listen(id, hear) {
  let source = null, over = false, wait = 500;
  function begin() {
    source = new EventSource(`/api/edits/${id}/events`);
    for (const kind of ["state", "step", "preview"]) {
      source.addEventListener(kind, (event) => {
        const facts = JSON.parse(event.data);
        wait = 500;
        if (kind === "state" && ["done", "failed", "cancelled"].includes(facts.state)) stop();
        hear(kind, facts);
      });
    }
    source.onerror = async () => { // a lid that was closed, a server started anew: ask again, ever slower
      source.close();
      if (over) return;
      try {
        const work = await get(`/api/edits/${id}`);
        if (["done", "failed", "cancelled"].includes(work.state)) { stop(); hear("state", work); return; }
      } catch (error) {
        if (error.status === 404) { stop(); hear("gone", {}); return; }
      }
      wait = Math.min(8000, wait * 1.6);
      setTimeout(() => over || begin(), wait);
    };
  }
  function stop() { over = true; source?.close(); }
  begin();
  return stop;
}

/** A key that makes a request, sent twice, one piece of work. */
export const fresh = () => [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");
