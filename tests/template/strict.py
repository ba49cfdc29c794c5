"""What only the template asks of its tests: no warning, and the same examples on every run."""

import pytest

import tests.template.examples  # noqa: F401


def pytest_configure(config: pytest.Config) -> None:
    """Make every warning an error; in a project, a page's libraries may warn as they like."""
    config.addinivalue_line("filterwarnings", "error")
