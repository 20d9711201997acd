"""People who may use the dashboard, and the tokens that scripts use."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """Django's user under our own name: the table can grow roles without a change of ``AUTH_USER_MODEL``."""


class ApiToken(models.Model):
    """A bearer token. Only its hash is kept; its first characters stay readable, to tell tokens apart."""

    name = models.CharField(max_length=100)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True)  # SHA-256, hex
    prefix = models.CharField(max_length=12)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)  # to the minute: not one UPDATE per request
    expires_at = models.DateTimeField(null=True)  # None: never

    class Meta:
        ordering = ["created_at"]

    def __str__(self):
        return f"{self.name} ({self.prefix}…)"
