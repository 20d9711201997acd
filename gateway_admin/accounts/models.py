"""People who may use the dashboard, and the tokens that scripts use."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

from gateway_admin.common.roles import ROLES, SCOPES


class Users(UserManager):
    """``createsuperuser`` makes an admin; whoever is made otherwise may look, unless a role is named."""

    def create_superuser(self, username, email=None, password=None, **fields):
        return super().create_superuser(username, email, password, **{"role": "admin"} | fields)

    def active_admins(self):
        return self.filter(role="admin", is_active=True)


class User(AbstractUser):
    """``role`` alone decides what a user may (``common.roles``); Django's groups and permissions are not used."""

    role = models.CharField(max_length=16, choices=[(role, role) for role in ROLES], default="viewer")

    objects = Users()

    class Meta(AbstractUser.Meta):
        constraints = [models.CheckConstraint(name="users_role", condition=models.Q(role__in=ROLES))]


class ApiToken(models.Model):
    """A bearer token. Only its hash is kept; its first characters stay readable, to tell tokens apart."""

    name = models.CharField(max_length=100)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True)  # SHA-256, hex
    prefix = models.CharField(max_length=12)
    scope = models.CharField(max_length=16, choices=[(scope, scope) for scope in SCOPES], default="read")
    kinds = models.JSONField(null=True)  # the kinds it is limited to; None: all
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)  # to the minute: not one UPDATE per request
    expires_at = models.DateTimeField(null=True)  # None: never

    class Meta:
        ordering = ["created_at"]
        constraints = [models.CheckConstraint(name="api_tokens_scope", condition=models.Q(scope__in=SCOPES))]

    def __str__(self):
        return f"{self.name} ({self.prefix}…)"
