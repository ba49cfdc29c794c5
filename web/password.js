// Ticks off, while a new password is typed, what can be told without the server, whose rule decides.

const ICONS = { met: "✓", open: "○" };

function words(page) {
  const typed = [...page.querySelectorAll('input[autocomplete="name"], input[type="email"]')];
  return typed
    .flatMap((field) => field.value.toLowerCase().split(/[^\p{L}\p{N}]+/u))
    .filter((word) => word.length > 3);
}

function checks(password, least, own) {
  const text = password.normalize("NFC");
  const kinds = new Set(text.toLowerCase()).size;
  return {
    length: [...text].length >= least,
    varied: kinds >= 6,
    own: text.length > 0 && !own.some((word) => text.toLowerCase().includes(word)),
  };
}

export default function ({ parentElement, data }) {
  const page = document.querySelector('[data-testid="stMain"]');
  const field = page?.querySelector(".st-key-new_password input");
  if (!field) return;
  const show = () => {
    for (const [name, met] of Object.entries(checks(field.value, data.least, words(page)))) {
      const line = parentElement.querySelector(`[data-check="${name}"]`);
      if (!line) continue;
      line.classList.toggle("met", met);
      line.querySelector("i").textContent = met ? ICONS.met : ICONS.open;
      line.querySelector("b").textContent = met ? ", done" : "";
    }
    const count = [...field.value.normalize("NFC")].length;
    parentElement.querySelector("u").textContent = count && count < data.least ? ` (${count})` : "";
  };
  page.addEventListener("input", show);
  page.addEventListener("change", show);
  show();
  return () => {
    page.removeEventListener("input", show);
    page.removeEventListener("change", show);
  };
}
