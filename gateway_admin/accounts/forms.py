"""The sign-in form: Django's, with a pause after too many failures."""

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from .throttle import PAUSE_S, login_allowed, note_failure, note_success

LONGEST_NAME = 150  # characters; Django's own limit for user names


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "User name and password do not match.",
        "inactive": "This user is switched off.",
        "paused": f"Too many failed attempts. Try again in {PAUSE_S // 60} minutes.",
    }

    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.label_suffix = ""
        self.fields["username"].label = "User name"
        self.fields["username"].widget.attrs["autocapitalize"] = "none"

    def clean(self):
        name = (self.cleaned_data.get("username") or "")[:LONGEST_NAME]
        if not login_allowed(self.request, name):
            raise ValidationError(self.error_messages["paused"], code="paused")
        try:
            cleaned = super().clean()
        except ValidationError:
            note_failure(self.request, name)
            raise
        if self.get_user() is not None:
            note_success(self.request, name)
        return cleaned
