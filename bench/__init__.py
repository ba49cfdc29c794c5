"""The measurements behind the README's numbers: `python -m bench`, one file per measurement."""
