// Moves the focus to the title of a page that a link or a form led to, as a new document would: a
// screen reader then says where it is, and Tab goes on from there. A form's first field goes first.

let last = 0;

export default function ({ data }) {
  if (data.move === last) return;
  last = data.move;
  const page = document.querySelector('[data-testid="stMain"]');
  const form = page?.querySelector('.st-key-card [data-testid="stForm"] input');
  if (form && !matchMedia("(pointer: coarse)").matches) return;
  const title = page?.querySelector("h1");
  if (!title) return;
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
}
