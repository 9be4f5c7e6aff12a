"""What is judged before git sees it: S051, S052."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.source_git.guard import check_access, check_refs, check_sha
from bot.domain.errors import SourceRefused
from bot.ports.forge import Access

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
CANARY = "canary-0123456789"


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "-u",
        "--upload-pack=touch pwned",
        "--exec=id",
        "main",
        "HEAD",
        "refs/",
        "refs/heads",
        "refs/heads/",
        "/refs/heads/main",
        "refs//heads/main",
        "refs/heads/a..b",
        "refs/heads/a b",
        "refs/heads/a\nb",
        "refs/heads/a\x00b",
        "refs/heads/a\x7fb",
        "refs/heads/*",
        "refs/heads/a:refs/heads/b",
        "+refs/heads/a",
        "^refs/heads/a",
        "refs/heads/a~1",
        "refs/heads/a^{tree}",
        "refs/heads/a@{1}",
        "refs/heads/a?",
        "refs/heads/[a]",
        "refs/heads/a\\b",
        "refs/heads/.a",
        "refs/heads/a.",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/\udc80",
        "refs/heads/" + "a" * 5000,
    ],
)
def test_a_ref_that_is_no_full_name_is_refused(ref: str) -> None:
    with pytest.raises(SourceRefused, match="not a full ref name"):
        check_refs(["refs/heads/main", ref])


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/-x",
        "refs/heads/--upload-pack=touch",
        "refs/pull/7/head",
        "refs/heads/$(touch${IFS}pwned)",
        "refs/heads/a;reboot",
        "refs/heads/`id`",
        "refs/heads/\"quoted'",
        "refs/heads/<b>bold",
        "refs/heads/straße/日本",
        "refs/heads/a|b&c",
        "refs/heads/@",
    ],
)
def test_a_nasty_but_legal_name_passes(ref: str) -> None:
    assert check_refs([ref]) == (ref,)


def is_taken(ref: str) -> bool:
    try:
        check_refs([ref])
    except SourceRefused:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(st.text("ab-./@{}~^:*[\\ \x01é\n", max_size=12).map("refs/heads/".__add__))
def test_git_agrees_about_every_name(ref: str) -> None:
    said = subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0  # noqa: S603, S607  # git is the oracle

    assert is_taken(ref) == said


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ext::sh -c id", "characters"),
        ("ext::id", "ext is not allowed"),
        ("file:///etc", "file is not allowed"),
        ("/etc", "no scheme"),
        ("git://forge.example/a.git", "git is not allowed"),
        ("ssh://-oProxyCommand=id/a", "ssh is not allowed"),
        ("git@forge.example:a/b.git", "not allowed"),
        ("--upload-pack=id", "not allowed"),
        ("", "not allowed"),
        ("http://forge.example/a.git", "http is not allowed"),
        ("http://127.0.0.1.evil.example/a.git", "http is not allowed"),
        (f"https://user:{CANARY}@forge.example/a.git", "user name"),
        (f"https://{CANARY}@forge.example/a.git", "user name"),
        ("https://@forge.example/a.git", "user name"),
        ("https:///a.git", "no host"),
        ("https://-oProxyCommand=id/a.git", "no host"),
        ("https://forge.example/a.git\n", "characters"),
        ("https://forge.example/\x00a.git", "characters"),
        ("https://forge.example\\@evil.example/a.git", "characters"),
        ("https://forge.example/a.git?x=1", "characters"),
        ("https://forge.example:port/a.git", "not an address"),
        ("https://[::1/a.git", "not an address"),
    ],
)
def test_another_address_than_plain_https_is_refused_without_being_shown(url: str, reason: str) -> None:
    with pytest.raises(SourceRefused, match=reason) as refused:
        check_access(Access(url), LOOPBACK)

    assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://forge.example/acme/site.git", "https://forge.example:8443/a.git", "http://127.0.0.1:8080/a.git"]
)
def test_https_and_http_to_an_allowed_loopback_host_pass(url: str) -> None:
    check_access(Access(url, {"Authorization": "Basic eDp5"}), LOOPBACK)


@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Basic {CANARY}\r\nHost: x"}, {"X\n": CANARY}, {"": CANARY}, {"X Y": CANARY}]
)
def test_a_credential_that_is_more_than_one_header_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(SourceRefused) as refused:
        check_access(Access("https://forge.example/a.git", headers), LOOPBACK)

    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("sha", ["", "0" * 40, "0" * 64, "a" * 39, "A" * 40, "HEAD", "--help", "a" * 40 + "\n"])
def test_a_zero_or_malformed_commit_id_is_refused(sha: str) -> None:
    with pytest.raises(SourceRefused):
        check_sha(sha)
