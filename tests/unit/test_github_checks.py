"""Checks as requests within GitHub's limits (FORGES §1.4)."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.forge_github.checks import Body, bodies, cut, cut_bytes
from bot.domain.checks import Action, Annotation, Check, CheckStatus, Conclusion
from bot.domain.refs import Sha

AT: Final = datetime(2026, 3, 1, 13, 30, 1, 999, tzinfo=timezone(timedelta(hours=1)))
QUEUED: Final = Check(
    name="assay / unit",
    sha=Sha("a" * 40),
    external_id="run-1",
    details_url="https://ci.example/b/1/unit",
    status=CheckStatus.QUEUED,
    conclusion=None,
    title="Queued",
    summary="Waits.",
)
FAILED: Final = replace(
    QUEUED,
    status=CheckStatus.COMPLETED,
    conclusion=Conclusion.FAILURE,
    title="Failed",
    text="the log's end",
    started_at=AT,
    completed_at=AT,
)
NOTE: Final = Annotation(path="a.py", line=3, message="no", title="bad")


def one_body(check: Check) -> Body:
    (body,) = bodies(check, create=True)
    return body


def shown_annotation(note: Annotation) -> Body:
    (shown,) = one_body(replace(FAILED, annotations=(note,)))["output"]["annotations"]
    assert isinstance(shown, dict)
    return shown


def test_a_queued_check_is_one_request_without_an_end() -> None:
    assert bodies(QUEUED, create=True) == [
        {
            "name": "assay / unit",
            "head_sha": "a" * 40,
            "external_id": "run-1",
            "details_url": "https://ci.example/b/1/unit",
            "status": "queued",
            "output": {"title": "Queued", "summary": "Waits."},
        }
    ]


def test_a_completed_check_has_its_conclusion_and_times_in_utc() -> None:
    (body,) = bodies(FAILED, create=False)

    assert (body["status"], body["conclusion"]) == ("completed", "failure")
    assert (body["started_at"], body["completed_at"]) == ("2026-03-01T12:30:01Z", "2026-03-01T12:30:01Z")
    assert body["output"]["text"] == "the log's end"
    assert "head_sha" not in body


def test_the_conclusion_goes_with_the_last_annotations() -> None:
    requests = bodies(replace(FAILED, annotations=(NOTE,) * 120), create=True)

    assert [len(one["output"]["annotations"]) for one in requests] == [50, 50, 20]
    assert [one["status"] for one in requests] == ["in_progress", "in_progress", "completed"]
    assert ["conclusion" in one for one in requests] == [False, False, True]
    assert ["head_sha" in one for one in requests] == [True, False, False]


def test_annotations_that_were_sent_are_left_out() -> None:
    notes = tuple(replace(NOTE, line=line) for line in range(1, 61))

    (body,) = bodies(replace(FAILED, annotations=notes), create=False, sent=50)

    assert [one["start_line"] for one in body["output"]["annotations"]] == list(range(51, 61))


def test_of_too_many_annotations_the_most_severe_are_kept() -> None:
    notes = (replace(NOTE, level="notice"),) * 5000 + (replace(NOTE, level="failure"),)

    requests = bodies(replace(FAILED, annotations=notes), create=True)

    assert len(requests) == 10
    assert requests[0]["output"]["annotations"][0]["annotation_level"] == "failure"


def test_columns_are_kept_on_one_line_only() -> None:
    note = replace(NOTE, column=5, end_column=9)

    assert shown_annotation(note)["start_column"] == 5
    assert shown_annotation(note)["end_column"] == 9
    assert "start_column" not in shown_annotation(replace(note, end_line=4))


@pytest.mark.parametrize(
    ("note", "lines"),
    [
        (replace(NOTE, line=0), (1, 1)),
        (replace(NOTE, line=4, end_line=2), (4, 4)),
        (replace(NOTE, line=4, end_line=9), (4, 9)),
    ],
)
def test_an_annotation_has_lines_that_github_takes(note: Annotation, lines: tuple[int, int]) -> None:
    assert (shown_annotation(note)["start_line"], shown_annotation(note)["end_line"]) == lines


def test_at_most_three_buttons_within_their_lengths_are_shown() -> None:
    body = one_body(replace(FAILED, actions=(Action("l" * 30, "d" * 60, "i" * 30),) * 5))

    assert body["actions"] == [{"label": "l" * 19 + "…", "description": "d" * 39 + "…", "identifier": "i" * 20}] * 3


def test_an_empty_title_or_summary_is_filled() -> None:
    assert one_body(replace(QUEUED, title="", summary=""))["output"] == {
        "title": "assay / unit",
        "summary": "assay / unit",
    }


@given(text=st.text(), limit=st.integers(min_value=3, max_value=40))
def test_a_text_is_cut_to_bytes_between_two_characters(text: str, limit: int) -> None:
    short = cut_bytes(text, limit)

    assert len(short.encode()) <= limit
    assert short == text or (text.startswith(short[:-1]) and short.endswith("…"))


@given(text=st.text(), limit=st.integers(min_value=1, max_value=40))
def test_a_text_is_cut_to_characters(text: str, limit: int) -> None:
    short = cut(text, limit)

    assert len(short) <= limit
    assert short == text or (text.startswith(short[:-1]) and short.endswith("…"))


def test_the_limit_of_a_text_is_used_up() -> None:
    assert len(one_body(replace(QUEUED, summary="日" * 30_000))["output"]["summary"].encode()) > 65530
    assert one_body(replace(QUEUED, summary="x" * 65535))["output"]["summary"] == "x" * 65535
