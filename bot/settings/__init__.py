"""Everything an operator can set, read once at start (PRODUCT §2.11). Nothing else reads the environment."""

import os
import re
import socket
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.domain.amounts import amount_of, is_amount
from bot.domain.errors import BadInput
from bot.domain.hosts import Host, address_of
from bot.domain.plain import Allowed, allowed_of
from bot.domain.suites import GIB, MIB, Guarding, Network
from bot.domain.trust import ForkPolicy
from bot.domain.workers import LABEL, Offer
from bot.settings import client, networks
from bot.settings.hosts import (
    HOST_NAME,
    KINDS,
    OTHER_PARTS,
    PARTS,
    PREFIX,
    SECRET_PARTS,
    content_of,
    host_of,
    of_environment,
    text_of,
)
from bot.settings.texts import place_of, traces_endpoint, words_of

__all__ = ["PREFIX", "BadSettings", "Settings", "read", "unknown_names"]

_CHANNEL: Final = "ASSAY_CHANNEL_"
_IN_PROCESS: Final = "memory://"
_SCHEMES: Final = {
    "redis_url": (_IN_PROCESS, "redis://", "rediss://", "unix://"),
    "storage_url": ("file:///", "s3://"),
}


class BadSettings(Exception):
    """One line for each fault, without values."""


def _amount(value: object) -> object:
    """`512MiB`, `30m`, `1h30m` or a plain number."""
    return amount_of(value) if isinstance(value, str) and is_amount(value) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Size = Annotated[int, BeforeValidator(_amount), Field(gt=0)]
"""Bytes."""
Duration = Annotated[int, BeforeValidator(_amount), Field(gt=0)]
"""Seconds."""
Count = Annotated[int, Field(gt=0)] | None


class Settings(BaseSettings):
    """Each field is the variable ASSAY_NAME; those in `secrets` also exist as ASSAY_NAME_FILE."""

    _hosts: tuple[Host, ...] = PrivateAttr(default=())
    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)
    secret_names: ClassVar[tuple[str, ...]] = (
        "database_url",
        "github_client_secret",
        "github_private_key",
        "github_token",
        "github_webhook_secret",
        "gitlab_client_secret",
        "gitlab_token",
        "gitlab_webhook_secret",
        "metrics_token",
        "redis_url",
        "secret_key",
        "smtp_url",
        "storage_url",
    )

    url: str = "http://localhost:8000"
    listen: str = "127.0.0.1:8000"
    data_dir: Path = Path.home() / ".local/share/assay"
    database_url: SecretStr | None = None
    secret_key: SecretStr | None = None
    redis_url: SecretStr = SecretStr(_IN_PROCESS)
    storage_url: SecretStr | None = None
    trusted_proxies: Annotated[str, AfterValidator(networks.of_proxies)] = ""
    workers: Annotated[int, Field(ge=0, le=256)] = os.cpu_count() or 1
    worker_name: str = ""
    """Empty: the machine's."""
    worker_labels: str = ""
    worker_cpus: Annotated[float | None, Field(gt=0)] = None
    worker_memory: Size | None = None
    """What all runs at once may take; None: what the engine's machine has."""
    docker_host: str = "unix:///var/run/docker.sock"
    """Read from DOCKER_HOST, as Docker's own tools do."""

    github_url: str = "https://github.com"
    github_app_id: str | None = None
    github_private_key: SecretStr | None = None
    github_token: SecretStr | None = None
    """A person's, instead of an App."""
    github_webhook_secret: SecretStr | None = None
    github_delivery: Literal["webhook", "poll"] = "webhook"
    gitlab_url: str = "https://gitlab.com"
    gitlab_token: SecretStr | None = None
    gitlab_webhook_secret: SecretStr | None = None
    gitlab_client_id: str | None = None
    gitlab_client_secret: SecretStr | None = None
    forges: str = ""
    """Names of further hosts; each has settings of its own (`Host`)."""
    github_client_id: str | None = None
    github_client_secret: SecretStr | None = None

    plain_repositories: str = ""
    """Patterns of addresses, joined by commas."""
    admins: str = ""
    anonymous_read: bool = True

    cpus_max: Annotated[float, Field(gt=0)] = 4.0
    memory_max: Size = 8 * GIB
    disk_max: Size = 20 * GIB
    pids_max: Annotated[int, Field(ge=16)] = 512
    timeout_max: Duration = 3 * 3600
    log_limit: Size = 50 * MIB
    artifact_limit: Size = GIB
    cache_limit: Size = 2 * GIB
    cache_limit_all: Size = 10 * GIB
    runs_max: Count = None
    queue_max: Count = 5000
    stranger_runs_max: Count = 4
    stranger_queue_max: Count = 300
    network_default: Network = Network.INTERNET
    network_max: Network = Network.INTERNET
    network_forks: Network = Network.NONE
    images_allowed: str = "**"
    """Globs, joined by commas."""
    firewall: Annotated[Guarding, BeforeValidator(_lower)] = Guarding.AUTO
    firewall_allow: Annotated[str, AfterValidator(networks.checked)] = ""
    """Addresses and networks, joined by commas."""

    fork_policy: ForkPolicy = ForkPolicy.ALWAYS
    bare_commands: bool = True
    comments: Literal["allowed", "never"] = "allowed"

    smtp_url: SecretStr | None = None
    mail_from: str = ""
    channels: dict[str, SecretStr] = Field(default_factory=dict)
    """By name, from the variables ASSAY_CHANNEL_NAME: ASSAY_CHANNEL_TEAM_SLACK is the channel team-slack."""
    channels_local: bool = False

    body_limit: Size = 25 * MIB
    body_deadline: Duration = 10
    webhook_rate: Annotated[int, Field(gt=0)] = 1000
    lease: Annotated[float, Field(gt=0)] = 60.0
    lease_grace: Annotated[float, Field(ge=0)] = 15.0
    drain: Duration = 600
    disk_reserve: Size = 5 * GIB
    metrics_token: SecretStr | None = None
    worker_metrics: str = ""
    otlp_endpoint: str = ""
    """Where traces are posted, of OpenTelemetry's own variables; nothing: there are none."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] | None = None
    faultpoints: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _Others(settings_cls)

    @field_validator("url", "github_url", "gitlab_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return address_of(value)

    @field_validator("worker_metrics")
    @classmethod
    def _isplace_of(cls, value: str) -> str:
        if value and not re.fullmatch(r".+:[0-9]{1,5}", value):
            raise ValueError("must be HOST:PORT, like 127.0.0.1:9464")
        return value

    @field_validator("admins")
    @classmethod
    def _are_people(cls, value: str) -> str:
        for one in words_of(value):
            if not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9][A-Za-z0-9._-]*", one):
                raise ValueError("must be people like github:ana, or better github:583231, separated by commas")
        return value

    @field_validator("worker_labels")
    @classmethod
    def _are_labels(cls, value: str) -> str:
        if wrong := next((one for one in words_of(value) if not LABEL.fullmatch(one)), None):
            raise ValueError(f"{wrong[:40]!r} can't be a label: small letters, digits, . _ and -, joined by commas")
        return value

    @field_validator("plain_repositories")
    @classmethod
    def _are_patterns(cls, value: str) -> str:
        try:
            allowed_of(words_of(value))
        except BadInput as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("redis_url", "storage_url")
    @classmethod
    def _is_known(cls, value: SecretStr | None, field: ValidationInfo) -> SecretStr | None:
        known = _SCHEMES[str(field.field_name)]
        if value and not value.get_secret_value().startswith(known):
            raise ValueError(f"must begin with {' or '.join(known)}")
        return value

    @model_validator(mode="after")
    def _forges_are_whole(self) -> Self:
        first = {name: getattr(self, name) for name in Settings.model_fields if name.startswith(KINDS)}
        texts = {name: text_of(value) for name, value in first.items()}
        found = [host_of(kind, texts.get) for kind in KINDS]
        names = words_of(self.forges)
        if bad := [name for name in names if not HOST_NAME.fullmatch(name)]:
            raise ValueError(f"FORGES: {bad[0]} must be named like gitlab-work or github-work")
        if len(set(names)) < len(names):
            raise ValueError("FORGES: a name is there twice")
        further = {name: host_of(name, of_environment) for name in names}
        if missing := [name for name, host in further.items() if host is None]:
            raise ValueError(f"FORGES: {missing[0]} has no settings {missing[0].upper().replace('-', '_')}_…")
        self._hosts = tuple(host for host in (*found, *further.values()) if host)
        return self

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The forges that are set up."""
        return self._hosts

    @property
    def plain(self) -> Allowed:
        """Repositories without a forge that may be run."""
        return allowed_of(words_of(self.plain_repositories))

    @property
    def administrators(self) -> frozenset[str]:
        """As `forge:login` in lower case, or `forge:number`."""
        return frozenset(words_of(self.admins.lower()))

    @property
    def proxies(self) -> tuple[str, ...]:
        """Whose X-Forwarded-… headers count."""
        return tuple(words_of(self.trusted_proxies))

    @property
    def reachable(self) -> tuple[str, ...]:
        """What runs with the internet reach of private networks."""
        return tuple(words_of(self.firewall_allow))

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The first encrypts, all decrypt; none: bootstrap keeps one in the data directory."""
        text = self.secret_key.get_secret_value() if self.secret_key else ""
        return tuple(words_of(text))

    @property
    def database(self) -> str:
        return self.database_url.get_secret_value() if self.database_url else f"sqlite:///{self.data_dir}/assay.db"

    @property
    def redis(self) -> str | None:
        """None: hints stay in the process."""
        return None if (address := self.redis_url.get_secret_value()) == _IN_PROCESS else address

    @property
    def storage(self) -> str:
        given = self.storage_url
        return given.get_secret_value() if given else (self.data_dir.absolute() / "storage").as_uri()

    @property
    def offer(self) -> Offer:
        return Offer(
            name=self.worker_name or socket.gethostname(),
            labels=frozenset(words_of(self.worker_labels)),
            slots=self.workers,
            cpus=self.worker_cpus,
            memory=self.worker_memory,
        )

    @property
    def address(self) -> tuple[str, int]:
        return place_of(self.listen)

    @property
    def worker_address(self) -> tuple[str, int] | None:
        """Where a worker can be watched."""
        return place_of(self.worker_metrics) if self.worker_metrics else None


class _Others(PydanticBaseSettingsSource):
    """ASSAY_NAME_FILE: the value is the file's content without blanks around it. And DOCKER_HOST."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401, ARG002  # of any field; pydantic's signature
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: content_of(path)
            for name in Settings.secret_names
            if (path := os.environ.get(f"{PREFIX}{name.upper()}_FILE"))
        }
        found |= {"channels": channels} if (channels := _channels()) else {}
        found |= {"otlp_endpoint": traces} if (traces := traces_endpoint()) else {}
        return found | ({"docker_host": host} if (host := os.environ.get("DOCKER_HOST")) else {})


def _channels() -> dict[str, str]:
    """Raises: BadSettings: one is set twice."""
    found: dict[str, str] = {}
    for name in sorted(name for name in os.environ if name.startswith(_CHANNEL)):
        channel = name.removeprefix(_CHANNEL).removesuffix("_FILE").lower().replace("_", "-")
        if channel in found:
            raise BadSettings(f"{name.removesuffix('_FILE')}: set it or {name}, not both")
        value = os.environ[name]
        found[channel] = Path(value).read_text(encoding="utf-8").strip() if name.endswith("_FILE") else value.strip()
    return found


def read() -> Settings:
    """Raises: BadSettings."""
    doubled = [
        name.upper()
        for name in Settings.secret_names
        if f"{PREFIX}{name.upper()}" in os.environ and f"{PREFIX}{name.upper()}_FILE" in os.environ
    ]
    if doubled:
        raise BadSettings("\n".join(f"{PREFIX}{name}: set it or {PREFIX}{name}_FILE, not both" for name in doubled))
    try:
        return Settings()
    except ValidationError as error:
        raise BadSettings("\n".join(_fault(dict(item)) for item in error.errors(include_input=False))) from None
    except OSError as error:
        raise BadSettings(f"cannot read {error.filename}: {error.strerror}") from None


def _fault(item: Mapping[str, Any]) -> str:
    name = ".".join(map(str, item["loc"])).upper()
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{PREFIX}{name}: {message}" if name else f"{PREFIX}{message}"


def unknown_names() -> list[str]:
    """Warnings about ASSAY_… variables that mean nothing, with a guess."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{PREFIX}{name.upper()}_FILE" for name in Settings.secret_names}
    known |= client.NAMES
    known |= set(_of_hosts(os.environ.get(f"{PREFIX}FORGES", "")))
    found = []
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known and not name.startswith(_CHANNEL):
            guess = get_close_matches(name, known, 1)
            found.append(f"{name} is not a setting{f'; did you mean {guess[0]}?' if guess else ''}")
    return found


def _of_hosts(forges: str) -> Iterator[str]:
    """The variables of further hosts."""
    for name in filter(HOST_NAME.fullmatch, (part.strip() for part in forges.split(","))):
        prefix = f"{PREFIX}{name.replace('-', '_').upper()}"
        kind = name.partition("-")[0]
        for part in (*OTHER_PARTS[kind], *PARTS[kind]):
            yield f"{prefix}_{part.upper()}"
            if part in SECRET_PARTS:
                yield f"{prefix}_{part.upper()}_FILE"
