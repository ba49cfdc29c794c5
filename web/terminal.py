"""The terminal in development: one short, readable line for each security event."""

import json
import logging
from datetime import datetime

from auth.audit import STRANGERS, Event
from web.words import event_in_words


class ForPeople(logging.Formatter):
    """Writes production's line of JSON in words: when, what, and whose account."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an id without an email is left out."""
        line = json.loads(record.getMessage())
        emails = getattr(record, "emails", {})
        event = Event(line["event"])
        user = emails.get(line["user"], "")
        if event in STRANGERS and not line["user"]:
            user = "no account"
        by = emails.get(line.get("by"))
        rest = [user, f"({line['detail']})" if "detail" in line else "", f"by {by}" if by else ""]
        at = datetime.fromisoformat(line["at"]).astimezone()  # the machine's own time
        words = f"{at:%H:%M:%S}  {event_in_words(event):<32}  {' '.join(filter(None, rest))}"
        return words.rstrip()
