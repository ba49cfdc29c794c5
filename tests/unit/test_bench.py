"""The benchmark's own parts: missed bounds are reported, and the real app is measured."""

from pathlib import Path

import pytest

from auth.users import read_email
from bench import __main__ as command
from bench import mutations
from bench.accounts import accounts, email
from bench.guard_cost import pick, resumes
from bench.log_in_wave import p95
from bench.table import Row, figure, render


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (Row("a", 1.0, "×", "", at_most=1.0), False),
        (Row("a", 1.1, "×", "", at_most=1.0), True),
        (Row("a", 5.0, "×", "", at_least=5.0), False),
        (Row("a", 4.9, "×", "", at_least=5.0), True),
        (Row("a", float("nan"), "×", "", at_least=5.0), True),
        (Row("a", float("nan"), "×", "", at_most=5.0), True),
        (Row("a", 99.0, "ms", ""), False),
    ],
)
def test_a_row_misses_its_bound_on_the_wrong_side_only(row: Row, missed: bool) -> None:
    """A figure at the bound passes, NaN misses it, and without a bound none is missed."""
    assert row.missed is missed
    assert ("MISSED" in render([row])) is missed


def test_figures_show_three_digits_that_count() -> None:
    """More would be noise, and a ratio of 1.05 must not print as 1."""
    assert [figure(value) for value in (0.01234, 1.049, 12.34, 1234.5)] == [
        "0.0123",
        "1.05",
        "12.3",
        "1234",
    ]


def test_a_missed_bound_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is what a machine reads."""
    monkeypatch.setattr(
        "bench.guard_cost.measure", lambda quick: [Row("guard", 151, "µs", "", at_most=150)]
    )

    assert command.main(["guard_cost"]) == 1
    assert "missed: guard is 151 µs, must be ≤ 150" in capsys.readouterr().out


def test_an_unknown_measurement_is_refused() -> None:
    """A typo must not look like a benchmark that kept its bounds."""
    with pytest.raises(SystemExit) as ended:
        command.main(["gaurd_cost"])

    assert ended.value.code == 2


@pytest.mark.slow
def test_copied_accounts_are_signed_in_each_as_themselves() -> None:
    """The real guard is measured: every copy's token is valid, for that user only."""
    with accounts(3) as made:
        users = [made.service.resume(made.token(number)) for number in range(3)]

        assert [user and user.email for user in users] == [email(number) for number in range(3)]
        assert len(resumes(made, pick(made), 5)) == 5
    assert read_email(email(1)).key == email(1)


def test_the_95th_percentile_is_in_milliseconds() -> None:
    """Of 1 to 100 ms it is about 95 ms."""
    assert p95([number / 1_000 for number in range(1, 101)]) == pytest.approx(95, abs=1.5)


MADE = [
    mutations.Mutant("auth.keys.x_derive__mutmut_1", 1),
    mutations.Mutant("auth.keys.x_derive__mutmut_2", -24),
    mutations.Mutant("auth.keys.x_derive__mutmut_3", 0),
    mutations.Mutant("web.edge.x_knows__mutmut_1", 33),
]


def test_a_mutant_that_survives_without_a_reason_fails_the_benchmark() -> None:
    """A mutant that no test reaches survives; one that never ends is killed."""
    table = mutations.rows(["auth/keys.py", "web/edge.py"], MADE, {MADE[3]})

    assert [row.measured for row in table] == [100, 0, pytest.approx(100 * 2 / 3), 1]
    assert table[0].how == "2 of 3 killed, 1 equivalent, 0 survived"
    assert [row.missed for row in table] == [False, False, True, True]


def test_mutations_are_made_in_files_that_exist_and_judged_by_tests_that_exist() -> None:
    """A renamed file must not look like one without survivors."""
    tests = [f"tests/{name}" for names in mutations.TARGETS.values() for name in names]

    assert [
        name for name in (*mutations.TARGETS, *tests) if not (mutations.ROOT / name).exists()
    ] == []


def test_an_equivalent_mutant_is_named_once_and_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is evidence; an entry without a reason is not."""
    entry = '[[equivalent]]\nfile = "a.py"\nwas = "a"\nbecame = "b"\nreason = "{}"\n'
    listed = tmp_path / "equivalent.toml"
    monkeypatch.setattr(mutations, "EQUIVALENT", listed)

    listed.write_text(entry.format("No caller can tell."))
    assert mutations.equivalents() == {mutations.Change("a.py", "a", "b")}
    listed.write_text(entry.format(" "))
    with pytest.raises(ValueError, match="no reason"):
        mutations.equivalents()


@pytest.mark.parametrize(
    ("became", "same"),
    [
        ('headers.get("HOST", "")', True),
        ('headers.get("Host", "")', True),
        ('headers.get("host", None)', False),
        ('headers.get("XXhostXX", "")', False),
        ('HEADERS.get("host", "")', False),
    ],
)
def test_the_case_of_a_headers_name_alone_is_no_change(became: str, same: bool) -> None:
    """RFC 9110, 5.1: nothing else in the line may differ, and no other text."""
    made = mutations.Change("web/edge.py", 'headers.get("host", "")', became)

    assert made.only_case_of(frozenset({"Host"})) is same
    assert not made.only_case_of(frozenset({"Origin"}))


def test_every_equivalent_mutant_is_of_code_that_is_still_there() -> None:
    """An entry for a line that is gone excuses nothing, and no reader would know its purpose."""
    for made in mutations.equivalents():
        text = " ".join((mutations.ROOT / made.file).read_text("utf-8").split())

        assert made.was in text
