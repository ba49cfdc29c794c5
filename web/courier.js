// Sends one request about the cookie, once; then tells the script whether it was accepted.

const PATIENCE = 10_000; // milliseconds
// Milliseconds after which a run's refused question is asked again: another tab has just replaced
// the token, and the browser's cookie follows at once.
const AGAIN = 1_000;
const sent = (window.authCourierSent ??= new Set()); // a rerun renders this again: send once only

// One request at a time in the whole browser: an answer that ends a cookie must not arrive after
// the one that sets the next. On plain http elsewhere than this machine there are no locks; there
// it is one at a time in each tab.
function inTurn(job) {
  if (navigator.locks) return navigator.locks.request("auth-cookie", job);
  return (window.authCourierTurn = (window.authCourierTurn ?? Promise.resolve()).then(job));
}

async function send({ path, method, body }) {
  try {
    const answer = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    });
    return answer.ok;
  } catch {
    return false;
  }
}

export default function ({ data, setStateValue }) {
  if (!data || sent.has(data.key)) return;
  sent.add(data.key);
  const ask = () => inTurn(() => send(data));
  const onceMore = (done) =>
    done || !data.quiet ? done : new Promise((later) => setTimeout(later, AGAIN)).then(ask);
  ask().then(onceMore).then((done) => {
    if (!(done && data.quiet)) setStateValue("done", done);
  });
}
