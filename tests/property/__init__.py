"""Properties that hold for any input and any order of events."""
