import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('catalog', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='EngineNode',
            fields=[
                ('node_id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('pid', models.IntegerField()),
                ('version', models.BigIntegerField()),
                ('workers', models.JSONField()),
                ('problems', models.JSONField()),
                ('started_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'ordering': ['name', 'node_id'],
            },
        ),
        migrations.CreateModel(
            name='HealthHead',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('seq', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='HealthEvent',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField(db_index=True)),
                ('target_id', models.UUIDField()),
                ('upstream_id', models.UUIDField()),
                ('label', models.TextField()),
                ('healthy', models.BooleanField()),
                ('cause', models.TextField()),
                ('source', models.CharField(choices=[('active', 'health check'), ('passive', 'traffic'), ('manual', 'a person'), ('config', 'a change of configuration')], max_length=8)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['target_id', '-id'], name='health_events_of_target'), models.Index(fields=['upstream_id', '-id'], name='health_events_of_upstream')],
            },
        ),
        migrations.CreateModel(
            name='TargetHealth',
            fields=[
                ('target', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='health', serialize=False, to='catalog.target')),
                ('upstream_id', models.UUIDField()),
                ('healthy', models.BooleanField()),
                ('since', models.DateTimeField()),
                ('cause', models.TextField()),
                ('source', models.CharField(choices=[('active', 'health check'), ('passive', 'traffic'), ('manual', 'a person'), ('config', 'a change of configuration')], max_length=8)),
                ('address', models.TextField()),
                ('judged_by', models.CharField(max_length=32)),
                ('seq', models.BigIntegerField(unique=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('healthy', False)), fields=['upstream_id'], name='targets_marked_unhealthy')],
            },
        ),
    ]
