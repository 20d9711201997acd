"""The forms of the page on which the configuration goes out as a file, and comes in as one."""

from django import forms
from django.conf import settings

from proxy_engine.spec.declarative import tag_problem

MEGABYTE = 1024 * 1024


class TagsField(forms.CharField):
    """Words between commas."""

    def __init__(self, **kw):
        super().__init__(label="Select-tags", required=False, max_length=2000, **kw)

    def clean(self, value):
        tags = tuple(dict.fromkeys(tag.strip() for tag in super().clean(value).split(",") if tag.strip()))
        for tag in tags:
            if message := tag_problem(tag):
                raise forms.ValidationError("%(tag)s: %(message)s", params={"tag": tag, "message": message})
        return tags


class ExportForm(forms.Form):
    select_tags = TagsField(help_text="Only what has all of these. Separate with commas.")
    with_ids = forms.BooleanField(label="With ids", required=False)
    for_kong = forms.BooleanField(
        label="Kong's fields only", required=False, help_text="Leaves out what Kong does not know."
    )
    with_secrets = forms.BooleanField(
        label="With secrets",
        required=False,
        help_text="In clear. Without them the file can be imported only where they are stored.",
    )

    def __init__(self, *args, may_see_secrets, **kw):
        super().__init__(*args, label_suffix="", **kw)
        if not may_see_secrets:
            del self.fields["with_secrets"]

    def choices(self) -> dict:
        return {"with_secrets": False} | self.cleaned_data


WAYS = [
    ("keep", "Add and change; delete nothing"),
    ("exact", "Make everything as the file says; delete what it does not have"),
]


class ImportForm(forms.Form):
    file = forms.FileField(required=False)
    text = forms.CharField(
        label="Or paste it",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
        help_text="YAML or JSON in Kong's declarative format, versions 1.1 to 3.0.",
    )
    select_tags = TagsField(help_text="Only what has all of these is touched, and everything in the file gets them.")
    way = forms.ChoiceField(label="What it does", choices=WAYS, widget=forms.RadioSelect, initial="keep")
    keep_ours = forms.BooleanField(
        label="Keep what Kong does not know",
        required=False,
        initial=True,
        help_text="For files of deck or Kong: fields that Kong does not have stay where the file does not name them.",
    )

    def __init__(self, *args, **kw):
        super().__init__(*args, label_suffix="", **kw)
        self.fields["file"].help_text = f"At most {settings.CONFIG_UPLOAD_MAX_BYTES / MEGABYTE:.3g} MB."

    def clean_file(self):
        file = self.cleaned_data["file"]
        if file is not None and file.size > settings.CONFIG_UPLOAD_MAX_BYTES:
            raise forms.ValidationError(f"larger than {settings.CONFIG_UPLOAD_MAX_BYTES} bytes")
        return file

    def clean(self):
        cleaned = super().clean()
        if not self.errors and bool(cleaned.get("file")) == bool(cleaned.get("text", "").strip()):
            self.add_error("file", "choose a file, or paste one below; not both")
        return cleaned

    def content(self) -> bytes:
        file = self.cleaned_data["file"]
        return file.read() if file else self.cleaned_data["text"].encode("utf-8", "surrogatepass")
