"""``manage.py reseal_secrets``: after a new GATEWAY_SECRET_KEY, so that the old one can be forgotten."""

from django.core.management.base import BaseCommand, CommandError

from gateway_admin.catalog.resealing import reseal
from gateway_admin.common.sealing import SecretUnreadable


class Command(BaseCommand):
    help = "Seals all stored secrets with GATEWAY_SECRET_KEY; those of GATEWAY_SECRET_KEY_FALLBACKS are then needless."

    def handle(self, *args, **options):
        try:
            count = reseal()
        except SecretUnreadable as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"sealed anew: the secrets in {count} rows")
