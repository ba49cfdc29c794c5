"""What every test shares, wherever it lives: in `tests/` or in a feature's own folder."""

from pathlib import Path

pytest_plugins = ["tests.fixtures", "tests.quick"]
if Path(__file__).with_name("tests").joinpath("template").is_dir():
    pytest_plugins.append("tests.template.strict")
