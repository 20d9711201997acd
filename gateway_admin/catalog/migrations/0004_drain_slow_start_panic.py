"""Fields of ours: rows that exist behave as before. The values are those that were the defaults then, and stay so."""

from django.db import migrations, models

SLOW_START = {"window": 0, "min_share": 10, "aggression": 1}


def added(model_name, name, field):
    return migrations.AddField(model_name=model_name, name=name, field=field, preserve_default=False)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_people_plugins_certificates")]

    operations = [
        added("target", "drain", models.JSONField(null=True)),
        added("upstream", "panic_threshold", models.IntegerField(default=50)),
        added("upstream", "slow_start", models.JSONField(default=SLOW_START)),
        migrations.AddConstraint(
            model_name="upstream",
            constraint=models.CheckConstraint(
                condition=models.Q(("panic_threshold__gte", 1), ("panic_threshold__lte", 100)),
                name="upstreams_panic_threshold_range",
            ),
        ),
        migrations.AddIndex(
            model_name="target",
            index=models.Index(
                condition=models.Q(("drain__isnull", False)), fields=["id"], name="targets_that_drain"
            ),
        ),
    ]
