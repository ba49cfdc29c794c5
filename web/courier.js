// Posts the ticket, or asks for the cookie's end, once; then tells the script whether it worked.

const PATIENCE = 10_000; // milliseconds
const sent = (window.authCourierSent ??= new Set()); // a rerun renders this again: ask once only

export default function ({ data, setStateValue }) {
  if (!data || sent.has(data.key)) return;
  sent.add(data.key);
  fetch(data.path, {
    method: data.method,
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticket: data.ticket }),
    signal: AbortSignal.timeout(PATIENCE),
  })
    .then((answer) => answer.ok, () => false)
    .then((done) => setStateValue("done", done));
}
