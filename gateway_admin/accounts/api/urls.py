"""Addresses of REST about people and tokens, below ``/api/``. A closing slash is accepted and needed nowhere."""

from django.urls import re_path

from .views import Audit, Me, TokenList, TokenOne, UserList, UserOne

urlpatterns = [
    re_path(r"^audit/?$", Audit.as_view()),
    re_path(r"^me/?$", Me.as_view()),
    re_path(r"^tokens/?$", TokenList.as_view()),
    re_path(r"^tokens/(?P<token_id>[0-9]{1,18})/?$", TokenOne.as_view()),
    re_path(r"^users/?$", UserList.as_view()),
    re_path(r"^users/(?P<user_id>[0-9]{1,18})/?$", UserOne.as_view()),
]
