"""Fields of ours: rows that exist behave as before. The values are those that were the defaults then, and stay so."""

from django.db import migrations, models

RETRY = {
    "statuses": [],
    "on_read_timeout": False,
    "backoff": 0,
    "max_backoff": 1000,
    "total_timeout": 0,
    "budget": 0,
    "budget_min": 3,
}
CIRCUIT_BREAKER = {
    "consecutive_failures": 0,
    "failure_percentage": 0,
    "minimum_requests": 20,
    "window": 10,
    "http_statuses": [500, 502, 503, 504],
    "open_time": 10,
    "half_open_requests": 1,
    "max_ejected": 50,
}
CONNECTIONS = {
    "pool_size": 512,
    "idle_timeout": 60,
    "max_requests": 10000,
    "connect_timeout": None,
    "write_timeout": None,
    "read_timeout": None,
    "tcp_keepalive_idle": 0,
    "tcp_keepalive_interval": 15,
    "tcp_keepalive_count": 3,
    "receive_buffer": 0,
    "tcp_fast_open": False,
}


def added(model_name, name, field):
    return migrations.AddField(model_name=model_name, name=name, field=field, preserve_default=False)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        added("target", "priority", models.IntegerField(default=0)),
        added("upstream", "when_all_unhealthy", models.TextField(default="refuse")),
        added("upstream", "retry", models.JSONField(default=RETRY)),
        added("upstream", "circuit_breaker", models.JSONField(default=CIRCUIT_BREAKER)),
        added("upstream", "connections", models.JSONField(default=CONNECTIONS)),
        migrations.AddConstraint(
            model_name="target",
            constraint=models.CheckConstraint(
                condition=models.Q(("priority__gte", 0), ("priority__lte", 9)), name="targets_priority_range"
            ),
        ),
    ]
