#!/usr/bin/env python
"""Django's command line. The commands of ours live in gateway_admin/common/management/commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_admin.settings")
    try:
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError as missing:
        sys.exit(f"gatehouse: {missing}. Run `make install`, then use .venv/bin/python manage.py …")
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, OSError) as error:
        if settings.configured:
            raise
        sys.exit(f"gatehouse: {error}")  # the settings could not be read: one line says which and why


if __name__ == "__main__":
    main()
