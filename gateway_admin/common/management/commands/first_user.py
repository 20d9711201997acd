"""``manage.py first_user``: for installations whose processes are not started by ``manage.py up``."""

import os

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Make the first user where there is none, and print what was made up for it."

    def handle(self, **options):
        from gateway_admin.processes import first_user

        for name, text in first_user.rows(first_user.ensure(os.environ)):
            self.stdout.write(f"{name:<9}   {text}")
