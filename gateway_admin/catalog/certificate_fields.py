"""What lists say of a certificate: whose it is and when it ends, read out of its PEM when it is stored."""

from django.db import models

from gateway_admin.common.derived_fields import Derived
from proxy_engine.spec import pem


class Subject(Derived, models.TextField):
    def derive(self, value):
        return pem.facts(value).name


class EndOfLife(Derived, models.DateTimeField):
    def derive(self, value):
        return pem.expiry(value)
