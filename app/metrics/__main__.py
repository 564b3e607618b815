"""`python -m app.metrics --list` prints every metric as rows of the table in docs/observability.md."""

import sys
from collections.abc import Iterator

from prometheus_client.metrics import MetricWrapperBase

from app.metrics import instruments

HEADER = ("| metric | type | labels | what |", "|---|---|---|---|")


def all_metrics() -> Iterator[MetricWrapperBase]:
    """Yield every metric, in the order in which they are written down."""
    yield from (one for one in vars(instruments).values() if isinstance(one, MetricWrapperBase))


def exposed_name(metric: MetricWrapperBase) -> str:
    """Return the name as Prometheus has it: a counter ends in `_total`."""
    return f"{metric._name}_total" if metric._type == "counter" else metric._name


def rows() -> Iterator[str]:
    """Yield the table."""
    yield from HEADER
    for metric in all_metrics():
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        yield f"| `{exposed_name(metric)}` | {metric._type} | {labels} | {metric._documentation} |"


if __name__ == "__main__":
    if sys.argv[1:] != ["--list"]:
        sys.exit("Usage: python -m app.metrics --list")
    sys.stdout.write("\n".join(rows()) + "\n")
