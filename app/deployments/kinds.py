"""The two kinds of deployment as values: everything in which a service and a database deployment differ."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import inspect

from app.compose.plan import DeploymentPlan, ServerFacts
from app.compose_services.planning import plan_service_start
from app.compose_services.snapshot import ServiceSnapshot
from app.databases.planning import plan_database_start
from app.databases.registry import DEFINITIONS
from app.databases.snapshot import DatabaseSnapshot
from app.models.database_deployment_queue import DatabaseDeploymentLogSlice, DatabaseDeploymentQueue
from app.models.service_deployment_queue import ServiceDeploymentLogSlice, ServiceDeploymentQueue
from app.models.standalone import STANDALONE_MODELS

KindName = Literal["service", "database"]
AnyQueue = ServiceDeploymentQueue | DatabaseDeploymentQueue


@dataclass(frozen=True)
class Kind:
    """One kind: its tables, its words, its planner."""

    name: KindName
    queue: type[ServiceDeploymentQueue] | type[DatabaseDeploymentQueue]
    slices: type[ServiceDeploymentLogSlice] | type[DatabaseDeploymentLogSlice]
    status_event: str
    same_resource: tuple[str, ...]
    """The columns that name the resource."""
    resource_type: str
    """SQL for `resource_operations.resource_type` of a row aliased `q`."""
    resource_id: str
    """SQL for `resource_operations.resource_id` of a row aliased `q`."""
    claimable: str
    """SQL that is true for a row aliased `q` that this version of the worker knows how to deploy."""
    plan: Callable[[dict[str, Any], ServerFacts], DeploymentPlan]
    resource: Callable[[Any], tuple[str, int]]
    """Returns the table and the id of a row's resource; needs the row's `same_resource` columns only."""
    resource_name: Callable[[Any], str]

    @property
    def table(self) -> str:
        """The queue's table."""
        return self.queue.__tablename__

    @property
    def slice_table(self) -> str:
        """The log slices' table."""
        return self.slices.__tablename__


def _plan_service(snapshot: dict[str, Any], facts: ServerFacts) -> DeploymentPlan:
    return plan_service_start(ServiceSnapshot.model_validate(snapshot), facts)


def _plan_database(snapshot: dict[str, Any], facts: ServerFacts) -> DeploymentPlan:
    return plan_database_start(DatabaseSnapshot.model_validate(snapshot), facts)


_DATABASE_TABLES = {model.resource_type: inspect(model).local_table.name for model in STANDALONE_MODELS.values()}

SERVICE = Kind(
    name="service",
    queue=ServiceDeploymentQueue,
    slices=ServiceDeploymentLogSlice,
    status_event="ServiceStatusChanged",
    same_resource=("service_id",),
    resource_type="'service'",
    resource_id="q.service_id",
    claimable="TRUE",
    plan=_plan_service,
    resource=lambda row: ("services", row.service_id),
    resource_name=lambda row: row.service_name,
)
DATABASE = Kind(
    name="database",
    queue=DatabaseDeploymentQueue,
    slices=DatabaseDeploymentLogSlice,
    status_event="DatabaseStatusChanged",
    same_resource=("database_type", "database_id"),
    resource_type="q.database_type",
    resource_id="q.database_id::bigint",
    claimable=f"q.database_type IN ({', '.join(map(repr, sorted(DEFINITIONS)))})",
    plan=_plan_database,
    resource=lambda row: (_DATABASE_TABLES[row.database_type], int(row.database_id)),
    resource_name=lambda row: row.database_name,
)
KINDS: tuple[Kind, ...] = (SERVICE, DATABASE)


def kind_named(name: str) -> Kind:
    """Return the kind called `service` or `database`."""
    return SERVICE if name == SERVICE.name else DATABASE
