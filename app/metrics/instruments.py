"""Every metric: its name, what it says, its labels. No label has a value per server, resource, team or deployment."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, and nobody asks for it

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Seconds of a statement or a request."""
_SLOW = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Seconds of a deployment or its wait."""

PROCESS = Gauge("shiplog_process", "1 for each process: which it is, and its version.", ["process", "version"])

# The API.
HTTP_SECONDS = Histogram(
    "shiplog_http_request_seconds",
    "From a request to the beginning of its answer.",
    ["method", "status"],
    buckets=_QUICK,
)
SSE_READERS = Gauge("shiplog_sse_readers", "Who follows a log live, in this process.")

# PostgreSQL and Redis, as this process has them.
QUERY_SECONDS = Histogram(
    "shiplog_query_seconds", "A statement, by the function that asked for it.", ["repository", "method"], buckets=_QUICK
)
SLOW_QUERIES = Counter(
    "shiplog_slow_queries", "Statements of 100 ms or more; the log has each.", ["repository", "method"]
)
POSTGRES_CONNECTIONS = Gauge("shiplog_postgres_connections_in_use", "Connections of the pool that are taken.")
REDIS_FAILURES = Counter("shiplog_redis_failures", "Calls of Redis that failed or took too long: wake-ups left out.")

# Deployments, as the worker that runs them sees them; the API settles those that are cancelled while they wait.
RUNNING = Gauge("shiplog_deployments_running", "Deployments that this worker follows.")
QUEUE_WAIT_SECONDS = Histogram(
    "shiplog_queue_wait_seconds", "From asking for a deployment to its start.", ["kind"], buckets=(0.1, 0.5, *_SLOW)
)
DEPLOYMENT_SECONDS = Histogram(
    "shiplog_deployment_seconds", "From the start of a deployment to its end.", ["kind", "status"], buckets=_SLOW
)
SETTLED = Counter("shiplog_deployments_settled", "Deployments that got their final status.", ["kind", "status"])
LEASES_LOST = Counter("shiplog_leases_lost", "Deployments that another worker went on with.")
APPEND_SECONDS = Histogram(
    "shiplog_append_seconds", "Storing a stretch of a log, all of its round trips.", ["kind"], buckets=_QUICK
)
LOG_ENTRIES = Counter("shiplog_log_entries", "Entries of logs that were stored.", ["kind"])
LOG_BYTES = Counter("shiplog_log_bytes", "Bytes of JSON of logs that were stored.", ["kind"])

# The rest of the worker.
SWEEPS = Counter("shiplog_sweeps", "Rounds of the sweep that came to their end.")
LAST_SWEEP = Gauge("shiplog_last_sweep_timestamp_seconds", "When the last round of the sweep ended; 0: there was none.")
SWEEP_FINDINGS = Counter(
    "shiplog_sweep_findings",
    "What the sweep found: a lease that had expired, an operation whose worker is gone, a server with waiting work.",
    ["finding"],
)
ARQ_JOB_SECONDS = Histogram(
    "shiplog_arq_job_seconds", "Nudges that the worker answered.", ["job", "outcome"], buckets=_QUICK
)
SSH_CONNECTIONS = Gauge("shiplog_ssh_connections", "SSH connections that this process has.")
SSH_LOGINS = Counter("shiplog_ssh_logins", "Tries to log in to a server: `ok`, or the error.", ["outcome"])
SSH_ERRORS = Counter("shiplog_ssh_errors", "What went wrong with a server, by the kind of error.", ["error"])
NOTIFICATIONS = Counter("shiplog_notifications", "Tries to send a notification.", ["type", "outcome"])
REMOVED = Counter("shiplog_retention_removed", "Rows that retention has removed, by table.", ["table"])
REMOVED_BYTES = Counter("shiplog_retention_removed_log_bytes", "Bytes of deployment logs that retention has removed.")

STATE = CollectorRegistry()
"""What PostgreSQL and Redis say when somebody looks. The API alone tells it: it is the same from every process."""

POSTGRES_UP = Gauge(
    "shiplog_postgres_up", "Whether PostgreSQL answered; without it nothing else is told.", registry=STATE
)
DEPLOYMENTS = Gauge(
    "shiplog_deployments", "Deployments that wait or run: the depth of the queue.", ["kind", "status"], registry=STATE
)
QUEUE_OLDEST_SECONDS = Gauge(
    "shiplog_queue_oldest_seconds", "How long the oldest one has waited, 0 when none waits.", ["kind"], registry=STATE
)
QUEUE_SERVERS = Gauge("shiplog_queue_servers", "Servers that have a deployment waiting.", ["kind"], registry=STATE)
QUEUE_SERVER_DEPTH = Gauge(
    "shiplog_queue_server_depth", "How many wait for the server that most of them wait for.", ["kind"], registry=STATE
)
LEASES_EXPIRED = Gauge(
    "shiplog_leases_expired", "Deployments that run and that no worker has renewed.", ["kind"], registry=STATE
)
OPERATIONS = Gauge("shiplog_operations", "Stops, deletes and the like that wait or run.", ["status"], registry=STATE)
OUTBOX_WAITING = Gauge("shiplog_outbox_waiting", "Events that no channel has heard of yet.", registry=STATE)
OUTBOX_OLDEST_SECONDS = Gauge("shiplog_outbox_oldest_seconds", "How old the oldest of them is.", registry=STATE)
ARQ_QUEUED = Gauge(
    "shiplog_arq_queued", "Nudges in Redis that no worker has answered; -1: Redis is away.", registry=STATE
)
TABLE_BYTES = Gauge("shiplog_table_bytes", "Size of a table, read once a minute.", ["table", "part"], registry=STATE)
TABLE_ROWS = Gauge("shiplog_table_rows", "Rows of a table as PostgreSQL estimates them.", ["table"], registry=STATE)
