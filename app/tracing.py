"""OpenTelemetry traces of requests and deployments, if asked for; nothing of it is imported otherwise.

A deployment's spans are made when it has ended, with the times that its row has, whichever workers followed it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

_provider: "TracerProvider | None" = None

FLUSH_MILLISECONDS = 3000
"""How long the end of a process waits for a collector."""


@dataclass(frozen=True)
class Past:
    """Something that is over; `error` says what went wrong, without a secret."""

    name: str
    began: datetime
    ended: datetime
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Request:
    """A request that is being traced."""

    span: "Span"
    token: Any


def start_tracing(service: str, exporter: "SpanExporter | None" = None) -> None:
    """Begin to send traces of `shiplog-{service}`, to where the OTEL_… variables say unless there is an exporter.

    Raises ValueError when the extra is not installed.
    """
    global _provider  # noqa: PLW0603 - one of the process, as its log is
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError:
        raise ValueError("SHIPLOG_TRACING needs OpenTelemetry: pip install 'shiplog[tracing]'.") from None
    resource = Resource({SERVICE_NAME: f"shiplog-{service}"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if exporter is None:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _provider = provider


def stop_tracing() -> None:
    """Send what is left and end; does nothing when nothing was begun."""
    global _provider
    provider, _provider = _provider, None
    if provider is not None:
        provider.force_flush(FLUSH_MILLISECONDS)
        provider.shutdown()


def begin_request(method: str, path: str, request_id: str, traceparent: bytes | None) -> Request | None:
    """Begin the span of a request, below that of its caller if it names one; None when nothing is traced."""
    if _provider is None:
        return None
    from opentelemetry import context
    from opentelemetry.trace import SpanKind, set_span_in_context

    attributes = {"http.request.method": method, "url.path": path, "shiplog.request_id": request_id}
    caller = _context_of(None if traceparent is None else traceparent.decode("latin-1"))
    span = _provider.get_tracer("shiplog").start_span(method, caller, SpanKind.SERVER, attributes)
    return Request(span, context.attach(set_span_in_context(span)))


def end_request(request: Request, name: str, status: int | None) -> None:
    """End the span of a request, which is called after its method and route."""
    from opentelemetry import context
    from opentelemetry.trace import StatusCode

    context.detach(request.token)
    request.span.update_name(name)
    if status is not None:
        request.span.set_attribute("http.response.status_code", status)
    if status is None or status >= 500:
        request.span.set_status(StatusCode.ERROR)
    request.span.end()


def carrier() -> dict[str, str]:
    """Return `{"traceparent": …}` of the request that runs here, to be stored; empty when nothing is traced."""
    if _provider is None:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    found: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(found)
    return {name: value for name, value in found.items() if name == "traceparent"}


def record(span: Past, children: Iterable[Past], traceparent: str | None) -> None:
    """Send something that is over with its parts, below the span that `traceparent` names."""
    if _provider is None:
        return
    from opentelemetry.trace import set_span_in_context

    tracer = _provider.get_tracer("shiplog")
    whole = _begin(tracer, span, _context_of(traceparent))
    below = set_span_in_context(whole)
    for child in children:
        _begin(tracer, child, below).end(_nanoseconds(child.ended))
    whole.end(_nanoseconds(span.ended))


def _begin(tracer: "Tracer", past: Past, parent: "Context") -> "Span":
    from opentelemetry.trace import SpanKind, StatusCode

    began = _nanoseconds(past.began)
    span = tracer.start_span(past.name, parent, SpanKind.INTERNAL, past.attributes, start_time=began)
    if past.error is not None:
        span.set_status(StatusCode.ERROR, past.error)
    return span


def _context_of(traceparent: str | None) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    named = {} if traceparent is None else {"traceparent": traceparent}
    return TraceContextTextMapPropagator().extract(named, Context())


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000
