// The button that asks the browser for a passkey, and the request that waits behind the email field
// for the browser to fill one in. Its answer goes to the script, which alone decides what it opens.

const REFRESH = 240_000; // milliseconds after which the challenge is exchanged: it lives for 300,000
let waiting = null; // the request behind the email field: { id, abort, report }

const usable = (data) =>
  isSecureContext &&
  location.origin === data.origin &&
  Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

function request(data, more) {
  const parse = `parse${data.create ? "Creation" : "Request"}OptionsFromJSON`;
  const publicKey = PublicKeyCredential[parse](data.options);
  return navigator.credentials[data.create ? "create" : "get"]({ publicKey, ...more });
}

// "1" in front means "Keep me logged in", which stands in the form above.
function answered(credential) {
  const ticked = '[data-testid="stMain"] [data-testid="stCheckbox"] input:checked';
  return (document.querySelector(ticked) ? "1" : "0") + JSON.stringify(credential.toJSON());
}

function stopWaiting() {
  waiting?.abort.abort();
  waiting = null;
}

// The browser lists passkeys in the email field. Only one request can be open in a page.
async function waitBehindField(data) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  if (waiting?.id !== data.id) return;
  const field = document.querySelector('[data-testid="stMain"] input[autocomplete^="username"]');
  if (field) field.autocomplete = "username webauthn";
  const { signal } = waiting.abort;
  try {
    const credential = await request(data, { mediation: "conditional", signal });
    if (waiting?.id === data.id) waiting.report("answer", answered(credential));
  } catch {
    // It was aborted, or this browser has no passkey for us: the button is still there.
  }
}

function startWaiting(data, report) {
  if (waiting?.id === data.id) {
    waiting.report = report;
    return;
  }
  stopWaiting();
  waiting = { id: data.id, abort: new AbortController(), report };
  waitBehindField(data);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const frame = parentElement.querySelector(".passkey");
  const button = parentElement.querySelector("button");
  const says = parentElement.querySelector("[role=status]");
  if (!data || !frame) return;
  if (!usable(data)) {
    frame.hidden = !data.create;
    button.hidden = true;
    says.textContent = data.words.unable;
    return;
  }
  if (button.dataset.id !== data.id) says.textContent = "";
  button.dataset.id = data.id;
  button.disabled = false;
  if (data.unknown) {
    PublicKeyCredential.signalUnknownCredential?.({ rpId: data.host, credentialId: data.unknown })
      .catch(() => {});
  }
  if (data.fills) startWaiting(data, setTriggerValue);

  button.onclick = async () => {
    button.disabled = true;
    says.textContent = "";
    stopWaiting();
    try {
      setTriggerValue("answer", answered(await request(data)));
    } catch (error) {
      const kind = { InvalidStateError: "known", NotAllowedError: "cancelled" }[error.name];
      says.textContent = data.words[kind ?? "failed"];
      button.disabled = false;
      if (data.fills) startWaiting(data, setTriggerValue);
    }
  };

  const due = setTimeout(() => setTriggerValue("stale", data.id), REFRESH - data.age);
  return () => {
    clearTimeout(due);
    setTimeout(() => {
      if (!frame.isConnected && waiting?.id === data.id) stopWaiting();
    });
  };
}
