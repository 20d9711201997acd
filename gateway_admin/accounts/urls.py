"""Addresses for people to come and go by, and to be let in, below ``/admin-ui/``."""

from django.urls import path

from .views import audit, coming_and_going, people, tokens

urlpatterns = [
    path("login/", coming_and_going.SignIn.as_view(), name="login"),
    path("logout/", coming_and_going.SignOut.as_view(), name="logout"),
    path("theme/", coming_and_going.set_theme, name="theme"),
    path("password/", coming_and_going.change_password, name="password"),
    path("people/", people.people_list, name="people"),
    path("people/new/", people.new_person, name="person-new"),
    path("people/<int:user_id>/", people.edit_person, name="person"),
    path("people/<int:user_id>/password/", people.new_password, name="person-password"),
    path("audit/", audit.audit, name="audit"),
    path("tokens/", tokens.token_list, name="tokens"),
    path("tokens/new/", tokens.new_token, name="token-new"),
    path("tokens/<int:token_id>/revoke/", tokens.revoke, name="token-revoke"),
]
