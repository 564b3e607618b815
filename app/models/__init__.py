"""Every table, one file each; `standalone/` holds one file per database type. Importing the package loads them all."""

from app.models.api_token import ApiToken
from app.models.audit_event import AuditEvent
from app.models.certificate_authority import CertificateAuthority
from app.models.database_certificate import DatabaseCertificate
from app.models.database_deployment_queue import DatabaseDeploymentLogSlice, DatabaseDeploymentQueue
from app.models.deployment_statistic import DeploymentStatistic
from app.models.deployment_status import DatabaseDeploymentStatus, DeploymentStatus, ServiceDeploymentStatus
from app.models.destination import StandaloneDocker
from app.models.environment import Environment
from app.models.environment_variable import EnvironmentVariable
from app.models.idempotency_key import IdempotencyKey
from app.models.notification_channel import NotificationChannel
from app.models.notification_delivery import NotificationDelivery
from app.models.outbox_event import OutboxEvent
from app.models.private_key import PrivateKey
from app.models.project import Project
from app.models.registry_credential import RegistryCredential
from app.models.resource_operation import ResourceOperation
from app.models.retention_policy import RetentionPolicy
from app.models.server import Server, ServerSetting
from app.models.service import Service
from app.models.service_deployment_queue import ServiceDeploymentLogSlice, ServiceDeploymentQueue
from app.models.shared_variable import SharedEnvironmentVariable
from app.models.standalone import STANDALONE_MODELS
from app.models.tag import Tag, Taggable
from app.models.team import Team, TeamMember, TeamRole, User
from app.models.web_session import SignInLink, WebSession

__all__ = [
    "STANDALONE_MODELS",
    "ApiToken",
    "AuditEvent",
    "CertificateAuthority",
    "DatabaseCertificate",
    "DatabaseDeploymentLogSlice",
    "DatabaseDeploymentQueue",
    "DatabaseDeploymentStatus",
    "DeploymentStatistic",
    "DeploymentStatus",
    "Environment",
    "EnvironmentVariable",
    "IdempotencyKey",
    "NotificationChannel",
    "NotificationDelivery",
    "OutboxEvent",
    "PrivateKey",
    "Project",
    "RegistryCredential",
    "ResourceOperation",
    "RetentionPolicy",
    "Server",
    "ServerSetting",
    "Service",
    "ServiceDeploymentLogSlice",
    "ServiceDeploymentQueue",
    "ServiceDeploymentStatus",
    "SharedEnvironmentVariable",
    "SignInLink",
    "StandaloneDocker",
    "Tag",
    "Taggable",
    "Team",
    "TeamMember",
    "TeamRole",
    "User",
    "WebSession",
]
