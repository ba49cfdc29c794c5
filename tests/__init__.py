"""The specification: what the app promises, each promise a test.

`app`, `browser` and the migrations' tests guard what an owner changes: every project has them. All
else stays with the template: `unit`, `http`, `property`, and every folder called `template`.
"""
