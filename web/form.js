// What a form's fields cannot do by themselves: focus, the caps lock hint, errors that a screen
// reader hears, and a wait that counts down. It sends nothing and changes no value.

const SIZES = [[3600, "hour"], [60, "minute"], [1, "second"]];

function inWords(seconds) {
  const [size, unit] = SIZES.find(([size]) => seconds >= size);
  const count = Math.ceil(seconds / size);
  return `${count} ${unit}${count > 1 ? "s" : ""}`;
}

// Focuses the first empty field, once, as soon as the whole form is there: Streamlit loads the parts
// of a page as it needs them. Not on a phone, which would open its keyboard over the page.
function focusFirst(page, seen) {
  if (seen.focused) return;
  const form = page.querySelector('[data-testid="stForm"]');
  const fields = [...(form?.querySelectorAll("input:not([type=checkbox])") ?? [])];
  if (!fields.length || page.querySelector('[data-testid="stSkeleton"]')) return;
  seen.focused = true;
  if (document.activeElement !== document.body || matchMedia("(pointer: coarse)").matches) return;
  fields.find((field) => !field.value && !field.disabled)?.focus();
}

// Gives phones the number pad for a code; Streamlit's field has no option for it.
function askNumbers(page) {
  for (const field of page.querySelectorAll('input[autocomplete="one-time-code"]')) {
    field.inputMode = "numeric";
  }
}

// Marks the fields whose error is shown, and goes to the first of them when an error is new.
function markErrors(page, seen) {
  const invalid = new Map();
  for (const place of page.querySelectorAll('[class*="st-key-errors_"]')) {
    const rows = [...place.parentElement.parentElement.children];
    const row = rows[rows.indexOf(place.parentElement) - 1];
    const field = row?.querySelector("input");
    const text = place.innerText.trim();
    if (!field || !text) continue;
    place.id ||= `error-${[...place.classList].find((name) => name.startsWith("st-key-"))}`;
    place.setAttribute("role", "alert");
    field.setAttribute("aria-describedby", place.id);
    invalid.set(field, text);
  }
  for (const field of page.querySelectorAll("input")) {
    if (invalid.has(field)) field.setAttribute("aria-invalid", "true");
    else if (field.getAttribute("aria-invalid") === "true") field.setAttribute("aria-invalid", "false");
  }
  const now = [...invalid.values()].join("\n");
  if (now && now !== seen.errors) invalid.keys().next().value.focus();
  seen.errors = now;
}

// Counts a refused form's wait down, in the sentence that says it.
function countDown(page, seen) {
  for (const place of page.querySelectorAll('[class*="st-key-wait_"]')) {
    const key = [...place.classList].find((name) => name.startsWith("st-key-wait_"));
    const text = place.querySelector("p")?.firstChild;
    if (!text || seen.waits.has(key)) continue;
    const until = Date.now() + Number(key.split("_").at(-1)) * 1000;
    const timer = setInterval(() => {
      const left = Math.ceil((until - Date.now()) / 1000);
      if (!text.isConnected || left <= 0) clearInterval(timer);
      text.nodeValue =
        left > 0 ? text.nodeValue.replace(/in \d+ \w+/, `in ${inWords(left)}`) : "You can try again now.";
    }, 1000);
    seen.waits.add(key);
  }
}

export default function () {
  const page = document.querySelector('[data-testid="stMain"]');
  if (!page) return;
  const seen = { errors: "", waits: new Set(), focused: false };
  const look = () => {
    askNumbers(page);
    focusFirst(page, seen);
    markErrors(page, seen);
    countDown(page, seen);
  };
  const observer = new MutationObserver(look);
  observer.observe(page, { childList: true, subtree: true, characterData: true });
  const hint = (event) => {
    const field = event.target.closest?.('[data-testid="stTextInput"]:has([type="password"])');
    if (!field || !event.getModifierState) return;
    field.toggleAttribute("data-caps-lock", event.getModifierState("CapsLock"));
  };
  page.addEventListener("keydown", hint, true);
  page.addEventListener("keyup", hint, true);
  look();
  return () => {
    observer.disconnect();
    page.removeEventListener("keydown", hint, true);
    page.removeEventListener("keyup", hint, true);
  };
}
