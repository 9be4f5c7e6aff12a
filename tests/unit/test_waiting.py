"""How long a run waits for a worker (PRODUCT §2.3: `Queued: 2 ahead, about 3 min`)."""

import pytest

from bot.domain.waiting import Wait, starts_in


@pytest.mark.parametrize(
    ("remaining", "slots", "ahead", "seconds"),
    [
        ([], 0, 0, None),
        ([], 1, 0, 0.0),
        ([30.0], 1, 0, 30.0),
        ([30.0], 2, 0, 0.0),
        ([30.0, 50.0], 2, 1, 50.0),
        ([30.0, 50.0], 2, 2, 90.0),
        ([], 1, 2, 120.0),
    ],
)
def test_it_starts_when_those_before_it_have_found_a_place(
    remaining: list[float], slots: int, ahead: int, seconds: float | None
) -> None:
    assert starts_in(remaining, slots, ahead, 60.0) == seconds


def test_the_words() -> None:
    assert Wait(2, 180.0).words == "2 ahead, about 3 min"
    assert Wait(1, 20.0).words == "1 ahead, under a minute"
    assert Wait(0, 0.0).words == Wait(0, None).words == "next in line"
