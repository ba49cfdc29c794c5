"""Tests of pages that stay with the template: every edit of app.py, every fault."""
