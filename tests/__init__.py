"""The specification: what the app promises, each promise a test.

`app`, `browser` and `database` guard what an owner changes, and go into every project. All else
stays with the template: `unit`, `http`, `property`, and every folder called `template`.
"""
