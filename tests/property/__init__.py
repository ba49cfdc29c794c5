"""What holds for any input, and for any order of events."""

import tests.template.examples  # noqa: F401 - the examples of every test here
