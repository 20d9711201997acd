import gateway_admin.catalog.certificate_fields
from django.db import migrations


def read_certificates(apps, schema_editor):
    for name in ("Certificate", "CaCertificate"):
        for row in apps.get_model("catalog", name).objects.only("cert").iterator():
            row.save(update_fields=["subject", "not_after"])


def columns(model):
    yield migrations.AddField(
        model, "subject", gateway_admin.catalog.certificate_fields.Subject(editable=False, null=True, of="cert")
    )
    yield migrations.AddField(
        model,
        "not_after",
        gateway_admin.catalog.certificate_fields.EndOfLife(db_index=True, editable=False, null=True, of="cert"),
    )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_drain_slow_start_panic")]

    operations = [
        *columns("certificate"),
        *columns("cacertificate"),
        migrations.RunPython(read_certificates, migrations.RunPython.noop, elidable=True),
    ]
