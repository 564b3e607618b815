"""Every router in one list: what the API can do, in the order of `/docs`."""

from app import health
from app.audit import endpoints as audit
from app.auth import endpoints as auth
from app.auth import link_endpoints
from app.compose_services import endpoints as compose_services
from app.databases import endpoints as databases
from app.deployments import cancelling, deploying, diff_endpoints, dry_run, log_endpoints, rollback_endpoints
from app.deployments import endpoints as deployments
from app.notifications import endpoints as notifications
from app.operations import container_logs, part_routes
from app.operations import endpoints as operations
from app.projects import endpoints as projects
from app.retention import endpoints as retention
from app.servers import endpoints as servers
from app.statistics import endpoints as statistics

ROUTERS = (
    deploying.router,
    cancelling.router,
    statistics.router,  # before `/deployments/{uuid}`
    deployments.router,
    log_endpoints.router,
    diff_endpoints.router,
    rollback_endpoints.router,
    dry_run.router,
    retention.router,
    compose_services.router,
    databases.router,
    operations.router,
    part_routes.router,
    container_logs.router,
    notifications.router,
    projects.router,
    servers.router,
    auth.router,
    link_endpoints.router,
    audit.router,
    health.router,
)
