"""How a database of any type is started: files, steps and secrets from its snapshot alone."""

from app.compose import steps
from app.compose.commands import COMPOSE_FILE, ComposeProject
from app.compose.dotenv import Variable, render_dotenv
from app.compose.override import render_json, resource_labels
from app.compose.plan import DeploymentPlan, PlanError, PlannedFile, ServerFacts, Step
from app.compose.run_options import parse_run_options, refuse_powers
from app.databases.definition import DatabaseDefinition
from app.databases.registry import definition_of
from app.databases.render import ENV_FILE, mounted_files, optional_file_names, render_database
from app.databases.snapshot import DatabaseSnapshot
from app.databases.tls import LEFT_BY_TLS, certificate_files, place_certificate
from app.remote.command import Secret

_READABLE_IN_THE_CONTAINER = 0o644


def plan_database_start(snapshot: DatabaseSnapshot, facts: ServerFacts) -> DeploymentPlan:  # noqa: ARG001
    """Return the plan that starts a database; raises PlanError for a configuration that cannot be deployed."""
    definition = definition_of(snapshot.type)
    _refuse_unreadable_data(snapshot, definition)
    if not snapshot.allow_host_paths:
        refuse_powers(parse_run_options(snapshot.columns.get("custom_docker_run_options")))
    variables = _variables(snapshot, definition)
    files = (
        PlannedFile(COMPOSE_FILE, Secret(_compose(snapshot, definition))),
        PlannedFile(ENV_FILE, Secret(render_dotenv(variables))),
        *(
            PlannedFile(file.name, file.content, _READABLE_IN_THE_CONTAINER)
            for file in mounted_files(definition, snapshot.columns)
        ),
        steps.verify_file(),
        *steps.registry_file(snapshot.registries),
    )
    folder = f"databases/{snapshot.uuid}"
    project = ComposeProject(snapshot.uuid)
    return DeploymentPlan(
        folder=folder,
        files=(*files, *(certificate_files(snapshot.tls) if snapshot.tls else ())),
        steps=(
            steps.check_docker(),
            steps.prepare_files(folder, files),
            steps.ensure_network(snapshot.network),
            steps.validate(project),
            steps.pull_missing_images(project),
            *_certificate(snapshot, definition),
            steps.stop_containers(project),
            steps.start_containers(project),
            steps.wait_for_containers(project, snapshot.deadline_seconds),
            steps.remove_old_files(_optional_files(snapshot, definition), files),
        ),
        secrets=_secrets(snapshot, definition),
        deadline_seconds=snapshot.deadline_seconds,
        environment_keys=tuple(variable.key for variable in variables),
    )


def _refuse_unreadable_data(snapshot: DatabaseSnapshot, definition: DatabaseDefinition) -> None:
    """Raise PlanError when the image may not be able to read, or may break, what the last one wrote."""
    before, after = snapshot.previous_image, snapshot.columns["image"]
    if before is None or snapshot.allow_major_upgrade:
        return
    if reason := why_unreadable(definition, before, after):
        raise PlanError(
            f"{reason} Or set the image back to {before}. To start it all the same, send "
            "allow_major_upgrade: true in the body of the start."
        )


def why_unreadable(definition: DatabaseDefinition, before: str, after: str) -> str | None:
    """Return why an image may not be able to use the data that another one wrote, and how to move them; else None."""
    was, will_be = definition.version(before), definition.version(after)
    if not (was and will_be and definition.cannot_read(was, will_be)):
        return None
    return f"The data of this database were written by {before}, and {after} may not be able to use them. {definition.move}"


def _certificate(snapshot: DatabaseSnapshot, definition: DatabaseDefinition) -> tuple[Step, ...]:
    if snapshot.tls is None or definition.tls is None:
        return ()
    return (place_certificate(snapshot.tls, definition.tls, snapshot.image),)


def _optional_files(snapshot: DatabaseSnapshot, definition: DatabaseDefinition) -> tuple[str, ...]:
    certificate = LEFT_BY_TLS if definition.tls is not None and snapshot.tls is None else ()
    return (*optional_file_names(definition), *certificate)


def _variables(snapshot: DatabaseSnapshot, definition: DatabaseDefinition) -> tuple[Variable, ...]:
    """Return the user's variables; one of the definition's own would contradict the columns and the URL."""
    variables = snapshot.variables()
    own = definition.environment(snapshot.columns)
    taken = set(own) | {key.removesuffix("_FILE") for key in own}
    for variable in variables:
        if variable.key in taken:
            raise PlanError(
                f"The environment variable {variable.key} is set by the database's own settings: "
                "change those and remove the variable, then deploy again."
            )
    return variables


def _compose(snapshot: DatabaseSnapshot, definition: DatabaseDefinition) -> str:
    labels = resource_labels(
        "database",
        uuid=snapshot.uuid,
        name=snapshot.name,
        project=snapshot.project,
        environment=snapshot.environment,
        deployment="",
    )
    return render_json(
        render_database(
            definition,
            {**snapshot.columns, "image": snapshot.image},
            uuid=snapshot.uuid,
            network=snapshot.network,
            labels=labels,
            has_env=bool(snapshot.env),
        )
    )


def _secrets(snapshot: DatabaseSnapshot, definition: DatabaseDefinition) -> frozenset[str]:
    columns = {snapshot.columns.get(column) for column in definition.secret_columns}
    url = definition.internal_url(snapshot.columns, snapshot.uuid)
    key = snapshot.tls.secrets if snapshot.tls else ()
    found = {*snapshot.secrets, *columns, url, *key, *steps.registry_secrets(snapshot.registries)}
    return frozenset(text for text in found if text)
