"""What every test shares, wherever it lives: in `tests/` or in a feature's own folder."""

pytest_plugins = ["tests.fixtures", "tests.quick"]
