"""A field of ours: checks that exist ask as before."""

from django.db import migrations, models

PROBE = {
    "method": "GET",
    "host": None,
    "port": None,
    "body": None,
    "contains": None,
    "matches": None,
    "json": None,
    "grpc_service": None,
    "jitter": 0,
    "start_unhealthy": False,
}


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_subject_and_end_of_certificates")]

    operations = [
        migrations.AddField(
            model_name="upstream", name="probe", field=models.JSONField(default=PROBE), preserve_default=False
        ),
    ]
