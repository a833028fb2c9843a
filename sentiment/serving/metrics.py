"""Metrics of the server in Prometheus's text format."""

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a time for each series, which nobody asks for

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Metrics of a server and its process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR):
            self.registry.register(collector)
        self._seconds = Histogram("sentiment_request_seconds", "Time from a request to its response", ["route", "code"],
                                  buckets=SECONDS, registry=self.registry)
        self._batches = Histogram("sentiment_batch_texts", "Texts predicted in one batch", ["model"], buckets=TEXTS,
                                  registry=self.registry)
        self._refused = Counter("sentiment_refused_requests", "Requests that found the queue full", ["model"],
                                registry=self.registry)
        self._waiting = Gauge("sentiment_waiting_texts", "Texts in the queue", ["model"], registry=self.registry)
        self._version = Gauge("sentiment_model_version", "The newest version that is served", ["model"],
                              registry=self.registry)

    def answered(self, route: str, code: int, seconds: float) -> None:
        """Count a request."""
        self._seconds.labels(route, str(code)).observe(seconds)

    def batch(self, model: str, texts: int) -> None:
        """Count a batch."""
        self._batches.labels(model).observe(texts)

    def refused(self, model: str) -> None:
        """Count a request that found the queue full."""
        self._refused.labels(model).inc()

    def text(self, state: dict[str, tuple[int, int]]) -> bytes:
        """Return all metrics; `state` has the newest version and the number of queued texts by model."""
        for model, (version, waiting) in state.items():
            self._version.labels(model).set(version)
            self._waiting.labels(model).set(waiting)
        return generate_latest(self.registry)
