from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]

    operations = [
        migrations.AddField(model_name="enginenode", name="version_since", field=models.DateTimeField(null=True)),
    ]
