"""Which addresses of plain repositories are asked at all (RELIABILITY S051, S052, S086)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import BadInput
from bot.domain.plain import address_of, allowed_of

HOSTILE = [
    "file:///etc/passwd",
    "/etc/passwd",
    "ext::sh -c id",
    "git.example.org:team/thing",
    "--upload-pack=id",
    "https://-oProxyCommand=id/a",
    "ssh://-oProxyCommand=id/a",
    "ssh://-oProxyCommand=id@git.example.org/a",
    "https://git.example.org/-u/a",
    "https://git.example.org/team/../secret",
    "https://git.example.org/team/./a",
    "https://git.example.org/team/.git",
    "https://git.example.org//a",
    "https://git.example.org/a/",
    "https://git.example.org",
    "https://git.example.org/a?b",
    "https://git.example.org/a#b",
    "https://git.example.org/a%2e%2e/b",
    "https://git.example.org\\@evil.example/a",
    "https://ana:secret@git.example.org/a",
    "https://git.example.org@evil.example/a",
    "ssh://git:secret@git.example.org/a",
    "https://git.example.org:0/a",
    "https://git.example.org:99999999/a",
    "https://[::1]/a",
    "http://git.example.org/a",
    "http://169.254.169.254/a",
    "gopher://git.example.org/a",
    "HTTPS://git.example.org/a",
    "https://git.example.org/a\n",
    "https://git.example.org/a b",
    "https://g\u0131t.example.org/a",
    "",
]
ALLOWED = allowed_of(
    ["https://git.example.org/team/*", "ssh://git@git.example.org/**", "http://127.0.0.1:3000/**", "git://h/a.git"]
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        address_of(text)


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("https://git.example.org/team/thing", True),
        ("https://git.example.org:443/team/thing.git", True),
        ("https://GIT.example.org/team/thing.git", True),
        ("ssh://git@git.example.org/any/where/at/all", True),
        ("http://127.0.0.1:3000/x", True),
        ("git://h/a.git", True),
        ("https://git.example.org/team/deep/thing", False),
        ("https://git.example.org/teams/thing", False),
        ("https://git.example.org:8443/team/thing", False),
        ("https://git.example.org.evil.example/team/thing", False),
        ("https://evil.example/git.example.org/team/thing", False),
        ("ssh://ana@git.example.org/team/thing", False),
        ("ssh://git.example.org/team/thing", False),
        ("http://127.0.0.1:3001/x", False),
        ("http://localhost:3000/x", False),
        ("https://127.1/team/thing", False),
        ("https://2130706433/team/thing", False),
        ("https://0x7f000001/team/thing", False),
        ("git://h/aXgit", False),
    ],
)
def test_an_address_is_allowed_by_a_pattern_of_its_own_host(text: str, covered: bool) -> None:
    assert ALLOWED.covers(address_of(text)) is covered


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "https://*/team/*",
        "https://*.example.org/**",
        "file:///srv/**",
        "https://h",
        "https://h/../**",
        "http://h/**",
    ],
)
def test_no_pattern_stands_for_many_hosts_or_for_this_machines_files(pattern: str) -> None:
    with pytest.raises(BadInput):
        allowed_of([pattern])


def test_a_repository_is_the_same_whichever_way_leads_to_it() -> None:
    first, second = (
        address_of("https://git.example.org/team/thing.git"),
        address_of("ssh://git@git.example.org/team/thing"),
    )
    assert first.name == second.name == "git.example.org/team/thing"
    assert first.number == second.number < 2**63
    assert address_of("https://git.example.org:8443/team/thing").name == "git.example.org-8443/team/thing"


@given(st.text())
def test_whatever_comes_is_an_address_or_refused(text: str) -> None:
    for one in (text, f"https://{text}", f"https://git.example.org/{text}"):
        try:
            url = address_of(one).url
        except BadInput:
            continue
        assert not any(part.startswith("-") for part in url.split("://")[1].split("/"))
        assert url.isascii()
        assert url.isprintable()
