"""A browser reduced to what matters here: it fetches pages and sends their forms as they stand, with changes."""

from django.urls import reverse

HTMX = {"HX-Request": "true"}


class Page:
    def __init__(self, client):
        self.client = client

    def get(self, name, /, *args, query="", htmx=False):
        return self.client.get(reverse(name, args=args) + query, headers=HTMX if htmx else None)

    def post(self, name, /, *args, htmx=False, **data):
        return self.client.post(reverse(name, args=args), data, headers=HTMX if htmx else None)

    def submit(self, name, /, *args, query="", **changes):
        """Open the page of a form, change fields, send it. Dots in field names are written as double underscores."""
        shown = self.get(name, *args, query=query)
        assert shown.status_code == 200, shown.status_code
        data = filled(shown.context["form"]) | {field.replace("__", "."): value for field, value in changes.items()}
        return self.client.post(reverse(name, args=args) + query, data)


def filled(form):
    """What a browser would send if nobody touched the form."""
    data = {bound.name: bound.value() for bound in form}
    data = {name: "on" if value is True else value for name, value in data.items() if value is not False}
    return {name: "" if value is None else value for name, value in data.items()}


def errors(response):
    """Field → messages of the form that came back."""
    return {field: list(messages) for field, messages in response.context["form"].errors.items()}
