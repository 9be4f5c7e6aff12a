"""The soak finds what it is there for, and a seed plays it again."""

from dataclasses import replace
from typing import Final

import pytest

from tests.soak.people import LINES, Commit
from tests.soak.plan import FAULTS, PEOPLE, plan
from tests.soak.verify import Ended, Ran, wrongs

COUNTED: Final = "".join(f"{number}\n" for number in range(1, LINES["steady"] + 1))
LOG: Final = f"begin 1\n{COUNTED}end\n".encode()
RAN: Final = Ran(id="r1", sha="c0", state="passed", outcomes=[("passed", None)], log=LOG)
FINE: Final = Ended(commits={"c0": Commit("steady", "b-0")}, runs=[RAN])


def test_a_seed_gives_the_same_people_and_accidents_at_the_same_moments() -> None:
    steps = plan(7, 600)
    assert steps == plan(7, 600) != plan(8, 600)
    assert {step.what for step in steps} <= {*PEOPLE, *FAULTS}
    assert [step.at for step in steps] == sorted(step.at for step in steps)


def test_what_ended_as_it_must_is_right() -> None:
    assert wrongs(FINE) == []


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (replace(FINE, runs=[]), "commit c0: has no run"),
        (replace(FINE, runs=[RAN, replace(RAN, id="r2")]), "commit c0: has 2 runs"),
        (replace(FINE, runs=[replace(RAN, state="failed")]), "run r1: ended as failed"),
        (replace(FINE, runs=[replace(RAN, log=LOG + LOG)]), "has the begin of attempt 1 2 times"),
        (replace(FINE, runs=[replace(RAN, log=LOG.replace(b"7\n", b"", 1))]), "lines of its log are missing"),
        (replace(FINE, runs=[replace(RAN, log=LOG.replace(b"7\n", b"7\n7\n", 1))]), "or there twice"),
        (replace(FINE, runs=[replace(RAN, log=LOG.removesuffix(b"end\n"))]), "has its end 0 times"),
        (replace(FINE, commits={"c0": Commit("steady", "b-0", stranger=True)}), "a stranger's code ran"),
        (replace(FINE, comments=[("github 1", "Done.")]), "1 replies to 0 commands"),
    ],
)
def test_what_is_wrong_is_found(ended: Ended, words: str) -> None:
    assert words in "\n".join(wrongs(ended))
