"""Which words of a comment are commands (BEHAVIOUR §2, cases C13 to C16)."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.commands import parse
from bot.domain.commands import (
    USAGE,
    Cancel,
    Command,
    Explain,
    Help,
    Misunderstood,
    OkToTest,
    Override,
    Retest,
    RunAnew,
    Scope,
    Skip,
    Start,
    Status,
)

SHA = "0123456789" * 4


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/retest", Retest()),
        ("/retest unit  lint", Retest(("unit", "lint"))),
        ("/retest Failed-Tests", Retest(failed_tests=True)),
        ("/retest failed-tests unit", Retest(("unit",), failed_tests=True)),
        ("/RETEST", Retest()),
        ("/test", RunAnew()),
        ("/test web-*", RunAnew(("web-*",))),
        ("/test unit python=3.12", RunAnew(("unit",), (("python", "3.12"),))),
        ("/test unit python=3.* pg=16 pg=16", RunAnew(("unit",), (("python", "3.*"), ("pg", "16")))),
        ("/test python=3.12 unit a=b=c", RunAnew(("unit",), (("python", "3.12"), ("a", "b=c")))),
        ("/test *a*", RunAnew(("*a*",))),
        ("/test **unit**", RunAnew(("**unit**",))),
        ("/run deploy", Start("deploy")),
        ("/cancel", Cancel()),
        ("/cancel unit", Cancel(("unit",))),
        ("/ok-to-test", OkToTest()),
        ("/ok-to-test pr", OkToTest(Scope.CHANGE)),
        ("/ok-to-test STOP", OkToTest(Scope.STOP)),
        (f"/ok-to-test {SHA}", OkToTest(sha=SHA)),
        ("/skip lint", Skip("lint")),
        ("/override lint the linter is  broken", Override("lint", "the linter is broken")),
        ("/assay status", Status()),
        ("/assay explain unit", Explain("unit")),
        ("/assay explain", Explain()),
        ("/assay help", Help()),
        ("/assay", Help()),
        ("/assay retest unit", Retest(("unit",))),
        ("/assay /retest", Retest()),
        ("/retest \t\r\n", Retest()),
        ("  /retest", Retest()),
        ("/retest\n\nOn Monday, Rita wrote:\n> /cancel", Retest()),
        ("Looks fine to me.\n/retest", Retest()),
        ("> an older remark\n\n/retest", Retest()),
        ("````\n```\n/cancel\n````\n/test unit", RunAnew(("unit",))),
    ],
)
def test_commands_are_found(text: str, wanted: Command) -> None:
    assert parse(text) == (wanted,)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "please /retest this",
        "/retesting",
        "/retest/foo",
        "`/retest`",
        "```\n/retest\n```",
        "~~~sh\n/retest\n~~~",
        "```\n/retest",
        "why?\n\n    /retest",
        "> /retest",
        "> > /retest\n\nwhy did you say this?",
        "<!--\n/retest\n-->\nthanks",
        "<!-- x --> /retest",
        "<div>\n/retest\n</div>",
        "[/retest](https://example.org)",
        "**/retest**",
        "**bold\n/retest\nbold**",
        "`code\n/retest\ncode`",
        "# /retest",
        "- /retest",
        "1. /retest",
        "\u200b/retest",
        "/lgtm",
        "/approve",
        "//retest",
        "/ retest",
    ],
)
def test_other_words_are_not(text: str | None) -> None:
    assert parse(text) == ()


def test_several_commands_keep_their_order() -> None:
    assert parse("/cancel\n/ok-to-test\n\n/test a\n/test b") == (
        Cancel(),
        OkToTest(),
        RunAnew(("a",)),
        RunAnew(("b",)),
    )


def test_more_than_five_are_none_at_all() -> None:
    (answer,) = parse("/retest\n" * 6)
    assert isinstance(answer, Misunderstood)
    assert "at most 5" in answer.words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/assay frobnicate", "I don't know `frobnicate`"),
        ("/assay x@everyone", "I don't know"),
        ("/tset", "Did you mean `/test`?"),
        ("/retst", "Did you mean `/retest`?"),
        ("/run", "Name one suite"),
        ("/skip", "Name one suite"),
        ("/override unit", "Give a suite and the reason"),
        ("/ok-to-test a b", "full id"),
        ("/test python=3.8", "Name the suites whose cells you mean"),
        ("/test unit =3.8", "`=3.8`: write it like `python=3.12`"),
        ("/test unit python=", "`python=`: write it like"),
    ],
)
def test_what_is_meant_for_us_but_wrong_is_answered(text: str, words: str) -> None:
    (answer,) = parse(text)
    assert isinstance(answer, Misunderstood)
    assert words in answer.words
    assert "@everyone" not in answer.words


def test_a_near_miss_among_other_words_belongs_to_somebody_else() -> None:
    assert parse("I would say\n/tset") == ()


def test_bare_forms_can_be_switched_off() -> None:
    assert parse("/retest", bare=False) == ()
    assert parse("/tset", bare=False) == ()
    assert parse("/assay retest", bare=False) == (Retest(),)


def test_the_list_of_commands_is_no_command() -> None:
    assert parse("\n".join(f"| `/{form}` | {who} | {what} |" for form, who, what in USAGE)) == ()


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("/>`~#-* \n\t<>[]()!"), max_size=300))
def test_no_comment_breaks_the_reader(text: str) -> None:
    assert len(parse(text)) <= 5


_NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,10}", fullmatch=True)
_VALUES = st.from_regex(r"[A-Za-z0-9.][A-Za-z0-9.=-]{0,10}", fullmatch=True)
_GAPS = st.sampled_from([" ", "  ", "\t"])


@given(st.lists(_NAMES, min_size=1, max_size=4), st.dictionaries(_NAMES, _VALUES, max_size=3), st.randoms(), _GAPS)
def test_whatever_is_named_for_a_test_is_read_back_in_its_order(
    suites: list[str], axes: dict[str, str], chance: Random, gap: str
) -> None:
    words = [*suites, *(f"{axis}={value}" for axis, value in axes.items())]
    chance.shuffle(words)
    (found,) = parse(gap.join(["/test", *words]) + "\r\n")
    assert isinstance(found, RunAnew)
    assert list(found.suites) == [word for word in words if "=" not in word]
    assert dict(found.axes) == axes


@pytest.mark.parametrize(
    "text",
    [">" * 65000, "`" * 65000, "[" * 65000, "/retest\n" * 8000, "*_" * 30000, "<a " * 20000, f"/{'a' * 65000}"],
)
def test_long_hostile_comments_are_read_or_given_up_soon(text: str) -> None:
    assert len(parse(text)) <= 5
