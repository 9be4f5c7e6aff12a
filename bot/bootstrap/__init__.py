"""The composition root: the only module that knows every technology."""

import contextlib
import fcntl
import itertools
import os
import secrets
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from starlette.applications import Starlette
from starlette.types import ASGIApp

from bot import __version__, faultpoints
from bot.adapters import reach_http, signin_oauth
from bot.adapters.artifacts_fs import FileArtifacts
from bot.adapters.caches_fs import FileCaches
from bot.adapters.forge_github import GitHubAppMaking, GitHubForge, api_url
from bot.adapters.forge_gitlab import GitLabForge
from bot.adapters.queue_local import LocalQueue
from bot.adapters.queue_redis import RedisQueue
from bot.adapters.sandbox_docker import DockerSandbox, Firewall
from bot.adapters.signer_jwt import JwtSigner
from bot.adapters.source_local import OURS, WorkTree
from bot.adapters.storage_s3 import S3Artifacts, S3Logs, open_store
from bot.adapters.store_sql import SqlLogs, SqlWork, open_engine, reading, upgrade
from bot.adapters.telemetry_prometheus import PrometheusTelemetry
from bot.adapters.vault_fernet import FernetVault, load_or_make_key
from bot.app import setting_up, upkeep
from bot.app.context import App, Rules
from bot.app.local import Local
from bot.app.measuring import Trouble
from bot.app.tracing import Hints
from bot.bootstrap import channels, sources
from bot.bootstrap.forges import Forges
from bot.bootstrap.process import Bot, Role
from bot.bootstrap.watching import watch_of
from bot.domain.errors import SandboxUnavailable
from bot.domain.hosts import Host
from bot.domain.quotas import Quotas
from bot.domain.refs import ForgeName
from bot.domain.suites import Guarding, Limits
from bot.ports.artifacts import Artifacts
from bot.ports.logs import PackedLogs
from bot.ports.queue import ExecuteRun, HandleDelivery, SendNotice, SendReport, Task, WorkQueue
from bot.ports.signin import SignIn
from bot.ports.telemetry import NoTraces, Telemetry, Traces
from bot.ports.vault import Vault
from bot.settings import Settings
from bot.web.asgi import make_asgi
from bot.web.health import Watch, routes_of
from bot.web.inbox import Inbox

_INTAKE_THREADS = 2
_REPORT_THREADS = 4
_NOTICE_THREADS = 1


def build(
    settings: Settings, role: Role = Role.ALL, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Bot:
    """Choose an adapter for every port, as the settings and its role say, and bring the database up to date."""
    faultpoints.arm(settings.faultpoints)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
    telemetry = PrometheusTelemetry()
    owner = f"{_process(settings.data_dir)}:{secrets.token_hex(4)}"
    traces = _traces(settings, owner)
    engine = open_engine(settings.database)
    upgrade(engine)
    queue = _queue(settings, role)
    sandbox = _sandbox(settings)
    logs, artifacts = _storage(settings)
    vault = FernetVault(settings.secret_keys or [load_or_make_key(settings.data_dir / "secret.key")])
    send = Hints(queue, traces).send
    look = partial(SqlWork, reading(engine), send)
    forges = Forges(settings.hosts, partial(_stored, look, vault), partial(_forge, telemetry, traces, now), _sign_in)
    app = App(
        forges=forges.forges,
        plain=sources.plain(settings, sandbox.user),
        webhooks=forges.webhooks,
        polled=_polled(settings),
        work=partial(SqlWork, engine, send),
        sandbox=sandbox,
        source=sources.source(settings, sandbox.user),
        logs=SqlLogs(engine, logs),
        artifacts=artifacts,
        caches=FileCaches(settings.data_dir / "storage" / "caches", now=time.time, reserve=settings.disk_reserve),
        signer=JwtSigner(),
        vault=vault,
        telemetry=telemetry,
        now=now,
        monotonic=time.monotonic,
        sleep=time.sleep,
        new_id=lambda: uuid.uuid4().hex,
        url=settings.url,
        owner=owner,
        traces=traces,
        rules=_rules(settings),
        channels=channels.of_operator(settings, now),
        open_channel=partial(channels.of_repository, settings, now),
        sign_ins=forges.sign_ins,
        hosts=forges,
        offer=None if role is Role.WEB else settings.offer,
        hindrance=reach_http.hindrance,
        making=GitHubAppMaking(settings.github_url, telemetry, time.monotonic, now),
    )
    watch = watch_of(replace(app, work=look), settings, {"queue": queue.trouble, **_engine(role, sandbox)}, telemetry)
    inbox = Inbox()
    return Bot(
        app,
        settings,
        engine,
        queue,
        role,
        asgi=_asgi(app, settings, look, role, watch, inbox),
        reload_forges=forges.reload,
        give_way=inbox.give_way,
        hindrance=_hindrance(settings, role, sandbox),
    )


_KEPT: Final = "kept"
"""A file that says that the folder's runs stay."""


def work_tree(folder: Path) -> WorkTree:
    """Raises: SourceRefused."""
    return WorkTree.around(folder)


@contextlib.contextmanager
def build_local(
    settings: Settings, tree: WorkTree, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Local]:
    """What runs suites of a work tree on this machine: an installation of its own, of which only what is kept stays.

    Raises:
        SandboxUnavailable: nothing can run here now, or something could not be removed.
    """
    instance = f"local-{secrets.token_hex(6)}"
    folder = tree.root / OURS / "runs" / instance
    sandbox = DockerSandbox(
        settings.docker_host,
        instance,
        folder,
        reserve=settings.disk_reserve,
        firewall=settings.firewall,
        allowed=settings.reachable,
    )
    try:
        _refuse_unready(sandbox)
        yield Local(
            sandbox=sandbox,
            caches=FileCaches(tree.root / OURS / "cache", now=time.time, reserve=settings.disk_reserve),
            shells=sandbox.shells,
            copy=partial(tree.copy, owner=sandbox.user if os.geteuid() == 0 else None),
            commit=tree.commit,
            branch=tree.branch,
            path=tree.path,
            now=now,
            monotonic=time.monotonic,
            new_id=lambda: uuid.uuid4().hex,
            rules=_rules(settings),
            keep=(folder / _KEPT).touch,
        )
        if not (folder / _KEPT).exists():
            _sweep(sandbox)
    except BaseException:
        with contextlib.suppress(SandboxUnavailable):
            _sweep(sandbox)
        (folder / _KEPT).unlink(missing_ok=True)
        raise
    finally:
        if not (folder / _KEPT).exists():
            shutil.rmtree(folder, ignore_errors=True)


def clear_kept(settings: Settings, tree: WorkTree) -> int:
    """Remove what local runs have kept; how many there were.

    Raises:
        SandboxUnavailable: something could not be removed.
    """
    kept = sorted((tree.root / OURS / "runs").glob(f"*/{_KEPT}"))
    for mark in kept:
        folder = mark.parent
        sandbox = DockerSandbox(settings.docker_host, folder.name, folder, reserve=settings.disk_reserve)
        _refuse_unready(sandbox)
        _sweep(sandbox)
        shutil.rmtree(folder, ignore_errors=True)
    return len(kept)


def _refuse_unready(sandbox: DockerSandbox) -> None:
    if trouble := sandbox.ready():
        raise SandboxUnavailable(trouble)


def _sweep(sandbox: DockerSandbox) -> None:
    for left in sandbox.leftovers():
        sandbox.remove(left.run, left.attempt)


def _asgi(
    app: App, settings: Settings, look: Callable[[], SqlWork], role: Role, watch: Watch, inbox: Inbox
) -> ASGIApp:
    if role is Role.WORKER:
        return Starlette(routes=routes_of(watch))
    return make_asgi(
        app,
        watch,
        inbox=inbox,
        look=look,
        trusted_proxies=settings.proxies,
        body_limit=settings.body_limit,
        body_seconds=settings.body_deadline,
        webhook_rate=settings.webhook_rate,
    )


def _polled(settings: Settings) -> frozenset[ForgeName]:
    """The first GitHub also when it is set up in the browser."""
    first = {ForgeName("github")} if settings.github_delivery == "poll" else set()
    return frozenset(first | {ForgeName(host.name) for host in settings.hosts if host.polled})


def _stored(look: Callable[[], SqlWork], vault: Vault) -> list[Host]:
    """Raises: BotError."""
    with look() as work:
        return [setting_up.opened(vault.decrypt(one.value)) for one in work.hosts.every()]


def _forge(
    telemetry: Telemetry, traces: Traces, now: Callable[[], datetime], host: Host
) -> GitHubForge | GitLabForge:
    """A GitHub's credentials decide whether it speaks in check runs or in commit statuses."""
    name, monotonic = ForgeName(host.name), time.monotonic
    if host.kind == "gitlab":
        return GitLabForge(
            name,
            url=host.url,
            token=host.token,
            secrets=host.webhook_secrets,
            telemetry=telemetry,
            traces=traces,
            monotonic=monotonic,
            now=now,
        )
    return GitHubForge(
        name,
        url=host.url,
        app_id=host.app_id,
        private_key=host.private_key,
        token=host.token,
        secrets=host.webhook_secrets,
        telemetry=telemetry,
        traces=traces,
        monotonic=monotonic,
        now=now,
    )


def _sign_in(host: Host) -> SignIn:
    if host.kind == "gitlab":
        return signin_oauth.gitlab(host.url, host.client_id, host.client_secret)
    return signin_oauth.github(host.url, api_url(host.url), host.client_id, host.client_secret)


def _sandbox(settings: Settings) -> DockerSandbox:
    return DockerSandbox(
        settings.docker_host,
        _instance(settings.data_dir),
        settings.data_dir / "runs",
        reserve=settings.disk_reserve,
        firewall=settings.firewall,
        allowed=settings.reachable,
    )


def firewall(allowed: Sequence[str]) -> Firewall:
    """The rules of this machine for suites with the internet, for a process that does nothing else."""
    return Firewall(allowed)


def _hindrance(settings: Settings, role: Role, sandbox: DockerSandbox) -> str:
    words = "" if role is Role.WEB or settings.firewall is not Guarding.ALWAYS else sandbox.guard.refusal()
    return f"ASSAY_FIREWALL: {words}" if words else ""


def _storage(settings: Settings) -> tuple[Path | PackedLogs, Artifacts]:
    """Where closed logs go, and artifacts."""
    if settings.storage.startswith("s3://"):
        store = open_store(settings.storage)
        return S3Logs(store), S3Artifacts(store)
    folder = Path(url2pathname(urlsplit(settings.storage).path))
    return folder / "logs", FileArtifacts(folder / "artifacts", reserve=settings.disk_reserve)


def _traces(settings: Settings, owner: str) -> Traces:
    if not settings.otlp_endpoint:
        return NoTraces()
    from bot.adapters.telemetry_opentelemetry import OpenTelemetryTraces  # noqa: PLC0415  # few want it, and it is long

    return OpenTelemetryTraces(settings.otlp_endpoint, version=__version__, instance=owner)


def _queue(settings: Settings, role: Role) -> WorkQueue:
    lanes: dict[type[Task], int] = {
        HandleDelivery: _INTAKE_THREADS,
        SendReport: _REPORT_THREADS,
        SendNotice: _NOTICE_THREADS,
    }
    if role is not Role.WEB:
        lanes[ExecuteRun] = settings.workers
    if settings.redis is None:
        return LocalQueue(lanes)
    return RedisQueue(settings.redis, lanes)


def _engine(role: Role, sandbox: DockerSandbox) -> dict[str, Trouble]:
    return {} if role is Role.WEB else {"engine": sandbox.ready}


def _process(data_dir: Path) -> str:
    """`PLACE/NUMBER` that no living process has: the system frees the lock when its holder dies, whatever of."""
    folder = data_dir / "processes"
    folder.mkdir(mode=0o700, exist_ok=True)
    for number in itertools.count(1):
        lock = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return f"{_instance(data_dir)}/{number}"
    raise AssertionError


def _instance(data_dir: Path) -> str:
    """Names the installation in the engine; made once, so that two of them can share an engine."""
    path = data_dir / "instance"
    if not path.exists():
        made = data_dir / f"instance.{os.getpid()}"
        made.write_text(secrets.token_hex(6), encoding="ascii")
        os.link(made, path) if not path.exists() else None
        made.unlink()
    return path.read_text(encoding="ascii").strip()


def _rules(settings: Settings) -> Rules:
    return Rules(
        lease=settings.lease,
        grace=settings.lease_grace,
        timeout_max=settings.timeout_max,
        ceiling=Limits(
            cpus=settings.cpus_max,
            memory=settings.memory_max,
            pids=settings.pids_max,
            disk=settings.disk_max,
            file=settings.disk_max,
            log=settings.log_limit,
        ),
        network_trusted=settings.network_default.at_most(settings.network_max),
        network_forks=settings.network_forks.at_most(settings.network_max),
        fork_policy=settings.fork_policy,
        artifact_limit=settings.artifact_limit,
        cache_limit=settings.cache_limit,
        cache_limit_all=settings.cache_limit_all,
        bare_commands=settings.bare_commands,
        retry_pauses=upkeep.retry_pauses(settings.lease),
        admins=settings.administrators,
        anonymous_read=settings.anonymous_read,
        comments=settings.comments == "allowed",
        quotas=Quotas(
            runs_max=settings.runs_max,
            queue_max=settings.queue_max,
            stranger_runs_max=settings.stranger_runs_max,
            stranger_queue_max=settings.stranger_queue_max,
        ),
        images=(tuple(part.strip() for part in settings.images_allowed.split(",") if part.strip()),),
    )
