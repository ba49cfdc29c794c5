"""What only the template tests of its pages: every edit of app.py, every fault."""
