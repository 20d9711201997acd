"""Addresses for people to come and go by, below ``/admin-ui/``."""

from django.urls import path

from . import views

urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", views.SignOut.as_view(), name="logout"),
    path("theme/", views.set_theme, name="theme"),
]
