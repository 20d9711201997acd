"""Indexes for long lists of targets: sums of weights, and orders that are not the default one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_probe")]

    operations = [
        migrations.AddIndex("target", index)
        for index in (
            models.Index(fields=["upstream", "priority", "weight", "enabled", "drain"], name="targets_in_use"),
            models.Index(fields=["weight", "id"], name="targets_by_weight"),
            models.Index(fields=["target", "id"], name="targets_by_target"),
        )
    ]
