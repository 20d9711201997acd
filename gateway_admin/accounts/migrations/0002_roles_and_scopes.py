"""Who was there before could do everything, and so it stays: users become admins, their tokens keep the widest scope."""

from django.db import migrations, models

import gateway_admin.accounts.models

ROLES = ("viewer", "operator", "admin")
SCOPES = ("read", "write", "admin")


def keep_what_they_may(apps, schema_editor):
    apps.get_model("accounts", "User").objects.update(role="admin")
    apps.get_model("accounts", "ApiToken").objects.update(scope="admin")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AlterModelManagers(name="user", managers=[("objects", gateway_admin.accounts.models.Users())]),
        migrations.AddField(
            model_name="user",
            name="role",
            field=models.CharField(choices=[(role, role) for role in ROLES], default="viewer", max_length=16),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="scope",
            field=models.CharField(choices=[(scope, scope) for scope in SCOPES], default="read", max_length=16),
        ),
        migrations.AddField(model_name="apitoken", name="kinds", field=models.JSONField(null=True)),
        migrations.RunPython(keep_what_they_may, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(condition=models.Q(role__in=ROLES), name="users_role"),
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(condition=models.Q(scope__in=SCOPES), name="api_tokens_scope"),
        ),
    ]
