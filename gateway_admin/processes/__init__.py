"""What ``manage.py up`` is made of: all of Gatehouse on one machine, under one foreground supervisor.

Nothing else depends on this package: each process it starts can as well be started by systemd or a container
platform (README, "Production").
"""
