"""The table of faults names tests that exist, and every fault."""

import re
from typing import Final

import pytest

from tests.house.tree import ROOT

_ROW: Final = re.compile(r"^\| (F\d\d) \| .* \| (.*) \|$", re.MULTILINE)
_FAULTS: Final = dict(_ROW.findall((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")))
_ELSEWHERE: Final = ("`make partition`", "`make soak`")


def test_every_fault_has_a_row() -> None:
    assert list(_FAULTS) == [f"F{number:02}" for number in range(1, 57)]


@pytest.mark.parametrize("fault", _FAULTS)
def test_a_fault_is_proven_by_tests_that_exist(fault: str) -> None:
    for proof in _FAULTS[fault].split("<br>"):
        if proof not in _ELSEWHERE:
            file, words = re.fullmatch(r"`(.+)` (.+)", proof).groups()  # type: ignore[union-attr]  # then it fails
            assert f"def test_{words.replace(' ', '_')}(" in (ROOT / "tests" / file).read_text(encoding="utf-8")
