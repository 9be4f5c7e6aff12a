"""What an operator sets: read once, refused with a line that names the setting and never its value."""

from pathlib import Path

import pytest

from bot import settings
from bot.domain.suites import MIB, Network

KEY = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"
SECRET = "a-secret-of-enough-characters"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **values: str) -> settings.Settings:
    monkeypatch.setattr("os.environ", {"HOME": "/nowhere", **values})
    return settings.read()


def refused(monkeypatch: pytest.MonkeyPatch, **values: str) -> str:
    with pytest.raises(settings.BadSettings) as caught:
        read(monkeypatch, **values)
    return str(caught.value)


def test_everything_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch)
    assert found.url == "http://localhost:8000"
    assert found.address == ("127.0.0.1", 8000)
    assert found.database.endswith("/assay.db")
    assert found.network_forks is Network.NONE


def test_sizes_and_durations_are_written_with_units(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, ASSAY_LOG_LIMIT="1.5MiB", ASSAY_TIMEOUT_MAX="1h30m", ASSAY_MEMORY_MAX="1048576")
    assert (found.log_limit, found.timeout_max, found.memory_max) == (1572864, 5400, MIB)


def test_an_unknown_unit_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(monkeypatch, ASSAY_LOG_LIMIT="5parsec") == "ASSAY_LOG_LIMIT: unknown unit parsec"


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(KEY + "\n")
    found = read(
        monkeypatch,
        ASSAY_GITHUB_APP_ID="7",
        ASSAY_GITHUB_PRIVATE_KEY_FILE=str(key),
        ASSAY_GITHUB_WEBHOOK_SECRET=SECRET,
    )
    assert found.github_private_key is not None
    assert found.github_private_key.get_secret_value() == KEY


def test_a_secret_and_its_file_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(monkeypatch, ASSAY_METRICS_TOKEN="x" * 20, ASSAY_METRICS_TOKEN_FILE="/somewhere")
    assert said == "ASSAY_METRICS_TOKEN: set it or ASSAY_METRICS_TOKEN_FILE, not both"


def test_a_missing_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(monkeypatch, ASSAY_METRICS_TOKEN_FILE="/nowhere/at/all")
    assert said == "cannot read /nowhere/at/all: No such file or directory"


def test_two_secrets_at_once_are_a_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(
        monkeypatch,
        ASSAY_GITHUB_APP_ID="7",
        ASSAY_GITHUB_PRIVATE_KEY=KEY,
        ASSAY_GITHUB_WEBHOOK_SECRET=f"{SECRET}-old, {SECRET}-new",
    )
    assert found.hosts[0].webhook_secrets == (f"{SECRET}-old", f"{SECRET}-new")


@pytest.mark.parametrize("secret", [" ", ",", "short", f"{SECRET},short"])
def test_an_empty_or_short_webhook_secret_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    said = refused(
        monkeypatch, ASSAY_GITHUB_APP_ID="7", ASSAY_GITHUB_PRIVATE_KEY=KEY, ASSAY_GITHUB_WEBHOOK_SECRET=secret
    )
    assert "GITHUB_WEBHOOK_SECRET" in said
    assert SECRET not in said


def test_half_an_app_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(monkeypatch, ASSAY_GITHUB_APP_ID="7")
    assert "go together" in said


@pytest.mark.parametrize(
    "address",
    ["http://ci.example.org", "ftp://localhost", "https://", "https://user@ci.example.org", "ci.example.org"],
)
def test_addresses_are_https_except_on_this_machine(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert refused(monkeypatch, ASSAY_URL=address).startswith("ASSAY_URL: must be")
    assert refused(monkeypatch, ASSAY_GITHUB_URL=address).startswith("ASSAY_GITHUB_URL: must be")


def test_a_slash_at_the_end_of_an_address_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, ASSAY_URL="https://ci.example.org/").url == "https://ci.example.org"


def test_the_engine_is_named_by_dockers_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, DOCKER_HOST="unix:///run/other.sock").docker_host == "unix:///run/other.sock"


@pytest.mark.parametrize(("text", "wish"), [("auto", "auto"), ("True", "true"), ("false", "false")])
def test_the_firewall_is_wished_for_in_three_ways(monkeypatch: pytest.MonkeyPatch, text: str, wish: str) -> None:
    found = read(monkeypatch, ASSAY_FIREWALL=text, ASSAY_FIREWALL_ALLOW="10.1.2.3, 192.168.7.0/24")

    assert found.firewall.value == wish
    assert found.reachable == ("10.1.2.3", "192.168.7.0/24")


@pytest.mark.parametrize("text", ["mirror.example.org", "10.1.2.3/8", "fd00::1", "10.1.2.3:80"])
def test_what_the_firewall_allows_must_be_a_network(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    words = refused(monkeypatch, ASSAY_FIREWALL_ALLOW=text)

    assert words == f"ASSAY_FIREWALL_ALLOW: {text!r} is no IPv4 address or network like 10.1.2.3 or 10.1.0.0/16"


@pytest.mark.parametrize(
    ("named", "posted"),
    [
        ({"ENDPOINT": "http://otel:4318"}, "http://otel:4318/v1/traces"),
        ({"ENDPOINT": "http://otel:4318/all/"}, "http://otel:4318/all/v1/traces"),
        ({"ENDPOINT": "http://otel:4318", "TRACES_ENDPOINT": "http://other/x"}, "http://other/x"),
        ({}, ""),
    ],
)
def test_where_traces_go_is_named_by_opentelemetrys_own_variables(
    monkeypatch: pytest.MonkeyPatch, named: dict[str, str], posted: str
) -> None:
    given = {f"OTEL_EXPORTER_OTLP_{name}": value for name, value in named.items()}
    assert read(monkeypatch, **given).otlp_endpoint == posted
    assert not read(monkeypatch, **given, OTEL_SDK_DISABLED="true").otlp_endpoint
    assert not read(monkeypatch, **given, OTEL_TRACES_EXPORTER="none").otlp_endpoint


def test_every_fault_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(monkeypatch, ASSAY_URL="nowhere", ASSAY_WORKERS="-1", ASSAY_NETWORK_MAX="wide").split("\n")
    assert [line.partition(":")[0] for line in said] == ["ASSAY_URL", "ASSAY_WORKERS", "ASSAY_NETWORK_MAX"]


def test_unknown_names_are_warned_about_with_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"ASSAY_WORKER": "3", "ASSAY_ZZZZZZZZZZ": "1", "OTHER": "x"})
    assert settings.unknown_names() == [
        "ASSAY_WORKER is not a setting; did you mean ASSAY_WORKERS?",
        "ASSAY_ZZZZZZZZZZ is not a setting",
    ]


def test_secrets_do_not_show_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(
        monkeypatch, ASSAY_GITHUB_APP_ID="7", ASSAY_GITHUB_PRIVATE_KEY=KEY, ASSAY_GITHUB_WEBHOOK_SECRET=SECRET
    )
    assert SECRET not in repr(found)
    assert "BEGIN RSA" not in repr(found)


GITLAB = {"ASSAY_GITLAB_TOKEN": "glpat-1", "ASSAY_GITLAB_WEBHOOK_SECRET": SECRET}


def test_gitlab_lives_at_gitlab_com_or_below_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    (common,) = read(monkeypatch, **GITLAB).hosts
    (own,) = read(monkeypatch, **GITLAB, ASSAY_GITLAB_URL="https://code.example.org/gitlab/").hosts

    assert (common.name, common.kind, common.url) == ("gitlab", "gitlab", "https://gitlab.com")
    assert own.url == "https://code.example.org/gitlab"
    assert "glpat-1" not in repr(own)
    assert SECRET not in repr(own)


def test_further_hosts_have_settings_named_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("glpat-2\n")
    work = {
        "ASSAY_FORGES": "gitlab-work, github-ghe",
        "ASSAY_GITLAB_WORK_URL": "https://git.work.example",
        "ASSAY_GITLAB_WORK_TOKEN_FILE": str(token),
        "ASSAY_GITLAB_WORK_WEBHOOK_SECRET": f"{SECRET},{SECRET}-2",
        "ASSAY_GITHUB_GHE_URL": "https://github.work.example",
        "ASSAY_GITHUB_GHE_TOKEN": "ghp-1",
        "ASSAY_GITHUB_GHE_DELIVERY": "poll",
    }
    hosts = {host.name: host for host in read(monkeypatch, **GITLAB, **work).hosts}

    assert list(hosts) == ["gitlab", "gitlab-work", "github-ghe"]
    assert (hosts["gitlab-work"].token, len(hosts["gitlab-work"].webhook_secrets)) == ("glpat-2", 2)
    assert (hosts["github-ghe"].url, hosts["github-ghe"].token) == ("https://github.work.example", "ghp-1")
    assert [name for name, host in hosts.items() if host.polled] == ["github-ghe"]
    assert settings.unknown_names() == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"ASSAY_FORGES": "github-a", "ASSAY_GITHUB_A_TOKEN": "t", "ASSAY_GITHUB_A_URL": "https://a.example"}
            | {"ASSAY_GITHUB_A_DELIVERY": "push"},
            "ASSAY_GITHUB_A_DELIVERY must be webhook or poll",
        ),
        ({"ASSAY_GITLAB_WEBHOOK_SECRET": SECRET}, "ASSAY_GITLAB_WEBHOOK_SECRET needs GITLAB_TOKEN beside it"),
        ({"ASSAY_GITLAB_TOKEN": " "}, "ASSAY_GITLAB_TOKEN must not be empty"),
        (
            {**GITLAB, "ASSAY_GITLAB_WEBHOOK_SECRET": "short"},
            "ASSAY_GITLAB_WEBHOOK_SECRET: each secret needs at least 16 characters",
        ),
        (
            {**GITLAB, "ASSAY_GITLAB_URL": "http://git.example.org"},
            "ASSAY_GITLAB_URL: must be https, except on localhost",
        ),
        ({"ASSAY_FORGES": "bitbucket"}, "ASSAY_FORGES: bitbucket must be named like gitlab-work or github-work"),
        ({"ASSAY_FORGES": "gitlab"}, "ASSAY_FORGES: gitlab must be named like gitlab-work or github-work"),
        ({"ASSAY_FORGES": "gitlab-a,gitlab-a"}, "ASSAY_FORGES: a name is there twice"),
        ({"ASSAY_FORGES": "gitlab-a"}, "ASSAY_FORGES: gitlab-a has no settings GITLAB_A_…"),
        (
            {"ASSAY_FORGES": "gitlab-a", "ASSAY_GITLAB_A_TOKEN": "t"},
            "ASSAY_GITLAB_A_URL: must be an address like https://ci.example.org",
        ),
        (
            {"ASSAY_FORGES": "gitlab-a", "ASSAY_GITLAB_A_TOKEN": "t", "ASSAY_GITLAB_A_TOKEN_FILE": "/nowhere"},
            "ASSAY_GITLAB_A_TOKEN: set it or ASSAY_GITLAB_A_TOKEN_FILE, not both",
        ),
    ],
)
def test_a_forge_that_is_not_whole_is_named(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], said: str
) -> None:
    assert refused(monkeypatch, **values) == said


def test_proxies_are_joined_by_commas_like_all_lists() -> None:
    assert settings.Settings(trusted_proxies="10.0.0.1, 10.1.0.0/16,fd00::1").proxies == (
        "10.0.0.1",
        "10.1.0.0/16",
        "fd00::1",
    )


@pytest.mark.parametrize("text", ["10.0.0.1 10.0.0.2", "10.0.0.1/33", "proxy", "10.0.0.1;"])
def test_what_is_no_address_of_a_proxy_is_refused(text: str) -> None:
    """Else nobody's headers would count, and nothing would say so."""
    with pytest.raises(ValueError, match="is no address or network"):
        settings.Settings(trusted_proxies=text)
