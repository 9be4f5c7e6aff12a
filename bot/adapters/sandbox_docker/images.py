"""Images: their names, the local ones, and pulling what is missing."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from docker.errors import APIError, ImageNotFound

from bot.adapters.sandbox_docker.engine import ENGINE_ERRORS, Engine, translated, words_of
from bot.domain.errors import BotError, ImageMissing, SandboxUnavailable
from bot.ports.sandbox import Stop

log = structlog.get_logger()

_PATH: Final = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_HOST: Final = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:))(?::[0-9]{1,5})?"
_NAME: Final = re.compile(
    rf"(?!-)(?:{_HOST}/)?{_PATH}(?:/{_PATH})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
_LONGEST_NAME: Final = 512

_OUT_OF_REACH: Final = re.compile(
    r"no such host|connection refused|connection reset|time-?out|deadline exceeded|network is unreachable"
    r"|no route to host|temporary failure|server misbehaving|too ?many ?requests|no space left|unexpected EOF"
    r"|\bEOF$|bad gateway|service unavailable|internal server error",
    re.IGNORECASE,
)
"""Words of an engine whose registry did not answer, whatever the status says."""
_REFUSED: Final = re.compile(
    r"unauthorized|denied|no basic auth|not found|unknown|no matching manifest|invalid", re.IGNORECASE
)
"""Words of a registry's no that the engine wraps into an error of its own."""

_PULL_LIMIT: Final = 600.0
_TRIES: Final = 2
_ASK: Final = 0.1


@dataclass(frozen=True, slots=True)
class Image:
    id: str
    volumes: tuple[str, ...]
    """Paths that the image declares as volumes."""


@dataclass(slots=True, eq=False)
class _Pull:
    """One pull under way, and how it ended."""

    done: threading.Event = field(default_factory=threading.Event)
    error: BotError | None = None


class Images:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, Image] = {}
        self._pulls: dict[str, _Pull] = {}
        self._lock = threading.Lock()

    def prepare(self, name: str, should_stop: Callable[[], Stop | None]) -> None:
        """Have the image here; returns early when somebody wants to stop.

        Raises:
            ImageMissing, SandboxUnavailable.
        """
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            raise ImageMissing(f"{name[:100]!r} is not a valid image name")
        for left in reversed(range(_TRIES)):
            if self._look(name) or should_stop():
                return
            try:
                self._pull(name, should_stop)
            except SandboxUnavailable:
                if not left:
                    raise

    def find(self, name: str) -> Image:
        """What `prepare` made ready.

        Raises:
            ImageMissing, SandboxUnavailable.
        """
        image = self._known.get(name) or self._look(name)
        if image is None:
            raise ImageMissing(f"there is no image {name}")
        return image

    def forget(self, name: str) -> None:
        self._known.pop(name, None)

    def _look(self, name: str) -> Image | None:
        self.forget(name)
        with translated(f"looking for image {name}"):
            try:
                seen: Mapping[str, Any] = self._engine.client().inspect_image(name)  # type: ignore[no-untyped-call]  # the stubs have no types for it
            except ImageNotFound:
                return None
        declared = (seen.get("Config") or {}).get("Volumes") or {}
        self._known[name] = Image(seen["Id"], tuple(declared))
        return self._known[name]

    def _pull(self, name: str, should_stop: Callable[[], Stop | None]) -> None:
        """Wait for a pull in a thread of its own, together with everyone who wants the same image."""
        pull = self._join(name)
        for _ in range(round(_PULL_LIMIT / _ASK)):
            if pull.done.wait(_ASK):
                break
            if should_stop():
                return
        else:
            self._finish(name, pull, SandboxUnavailable(f"pulling image {name} took more than {_PULL_LIMIT:.0f} s"))
        if pull.error:
            raise pull.error

    def _join(self, name: str) -> _Pull:
        with self._lock:
            if name not in self._pulls:
                pull = self._pulls[name] = _Pull()
                threading.Thread(target=self._run, args=(name, pull), name="sandbox-pull", daemon=True).start()
            return self._pulls[name]

    def _run(self, name: str, pull: _Pull) -> None:
        log.info("sandbox.pulling", image=name)
        error: BotError | None = None
        try:
            events = self._engine.client().pull(*_repository_and_tag(name), stream=True, decode=True)
            if words := _followed(events, pull):
                error = _verdict(name, words, refused=True)
        except APIError as answer:
            error = _verdict(name, words_of(answer), refused=answer.is_client_error())
        except ENGINE_ERRORS as broken:
            error = SandboxUnavailable(f"pulling image {name}: {words_of(broken)}")
        self._finish(name, pull, error)

    def _finish(self, name: str, pull: _Pull, error: BotError | None) -> None:
        with self._lock:
            if self._pulls.get(name) is pull:
                del self._pulls[name]
        if not pull.done.is_set():
            pull.error = error
            pull.done.set()


def _followed(events: Iterator[Mapping[str, Any]], pull: _Pull) -> str:
    """Read progress to its end, or until nobody waits any longer (then the engine stops pulling); the error in it."""
    for event in events:
        if "error" in event:
            return str(event["error"])
        if pull.done.is_set():
            break
    return ""


def _verdict(name: str, words: str, *, refused: bool) -> ImageMissing | SandboxUnavailable:
    if not _OUT_OF_REACH.search(words) and (refused or _REFUSED.search(words)):
        return ImageMissing(f"{name}: {words}")
    return SandboxUnavailable(f"pulling image {name}: {words}")


def _repository_and_tag(name: str) -> tuple[str, str]:
    """The tag (or digest) apart, `latest` when there is none."""
    repository, at, digest = name.partition("@")
    if at:
        return repository.rpartition(":")[0] if ":" in repository.rpartition("/")[2] else repository, digest
    head, _, tag = name.rpartition(":")
    return (head, tag) if head and "/" not in tag else (name, "latest")
