"""Traces as OpenTelemetry has them, sent by OTLP over HTTP; what is not said here, its OTEL_… variables say."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bot.ports.telemetry import Fact, SpanName

log = structlog.get_logger()

_KINDS: Final = {
    SpanName.WEBHOOK: SpanKind.SERVER,
    SpanName.DELIVERY: SpanKind.CONSUMER,
    SpanName.RUN: SpanKind.CONSUMER,
    SpanName.REPORT: SpanKind.CLIENT,
    SpanName.FORGE: SpanKind.CLIENT,
}
_LIMITS: Final = SpanLimits(max_span_attributes=32, max_span_attribute_length=256)
_LAST_SPANS: Final = 3.0
"""Seconds that a process which ends gives them."""
_PARENT: Final = "traceparent"


class OpenTelemetryTraces:
    def __init__(self, endpoint: str, *, version: str, instance: str) -> None:
        """`endpoint`: where spans are posted; `instance` tells this process from others."""
        about = {"service.name": "assay", "service.version": version, "service.instance.id": instance}
        self._provider = TracerProvider(
            resource=Resource(about).merge(OTELResourceDetector().detect()),
            span_limits=_LIMITS,
            shutdown_on_exit=False,
        )
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `_Exporter` says it once, not for each try
        self._provider.add_span_processor(BatchSpanProcessor(_Exporter(OTLPSpanExporter(endpoint))))
        self._tracer = self._provider.get_tracer("assay", version)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: SpanName, parent: str = "", **facts: Fact) -> Iterator["_Span"]:
        """Lines that are logged within it have its trace."""
        span = self._tracer.start_span(name, self._context(parent), _kind(name), _named(facts))
        number = trace.format_trace_id(span.get_span_context().trace_id)
        with (
            trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False),
            structlog.contextvars.bound_contextvars(trace=number),
        ):
            try:
                yield _Span(span)
            except BaseException as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)  # its text may tell too much
                raise

    def past(self, name: SpanName, parent: str, began: datetime, ended: datetime, **facts: Fact) -> None:
        span = self._tracer.start_span(
            name, self._context(parent), _kind(name), _named(facts), start_time=_nanoseconds(began)
        )
        span.end(_nanoseconds(ended))

    def current(self) -> str:
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get(_PARENT, "")

    def close(self) -> None:
        # The collector may be slow or gone, and nobody shall wait for that.
        last = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        last.start()
        last.join(_LAST_SPANS)

    def _context(self, parent: str) -> Context | None:
        return self._propagator.extract({_PARENT: parent}) if parent else None


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def tell(self, **facts: Fact) -> None:
        self._span.set_attributes(_named(facts))


class _Exporter(SpanExporter):
    """Says once that traces get lost, and once that they arrive again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001  # whatever it is: traces are lost, nothing else
            result = SpanExportResult.FAILURE
        fails = result is not SpanExportResult.SUCCESS
        if fails != self._fails:
            self._fails = fails
            (log.warning if fails else log.info)("traces.not_collected" if fails else "traces.collected_again")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _kind(name: SpanName) -> SpanKind:
    return _KINDS.get(name, SpanKind.INTERNAL)


def _named(facts: dict[str, Fact]) -> dict[str, Fact]:
    return {f"assay.{name}": fact for name, fact in facts.items()}


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
