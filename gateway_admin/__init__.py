"""The control plane: dashboard, REST, change log, health checks. The traffic itself runs in ``proxy_engine``."""

from gateway_admin.celery import app as celery_app  # ``shared_task`` needs the app to exist before the first task

__all__ = ["celery_app"]
