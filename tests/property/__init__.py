"""What holds for any input, and for any order of events."""
