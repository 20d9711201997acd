"""Query parameters of the configuration's addresses. What is unknown or makes no sense is refused by name."""

from __future__ import annotations

from rest_framework.exceptions import ValidationError

from proxy_engine.spec.declarative import tag_problem

MOST = 10**18  # a version is a database's integer


class Query:
    def __init__(self, params, names: tuple[str, ...]):
        self._params = params
        if unknown := sorted(set(params) - set(names)):
            raise ValidationError({name[:100]: ["unknown query parameter"] for name in unknown})

    def switch(self, name: str) -> bool:
        return self.one_of(name, ("true", "false")) == "true"

    def one_of(self, name: str, choices: tuple[str, ...]) -> str | None:
        text = self._params.get(name)
        if text is not None and text not in choices:
            raise ValidationError({name: [f"expected one of: {', '.join(choices)}"]})
        return text

    def number(self, name: str) -> int | None:
        text = self._params.get(name)
        if text is None:
            return None
        if text.isascii() and text.isdecimal() and len(text) < len(str(MOST)):
            return int(text)
        raise ValidationError({name: ["expected a whole number"]})

    def tags(self, name: str) -> tuple[str, ...]:
        """Repeated, or once with commas, as deck writes them."""
        tags = [tag for text in self._params.getlist(name) for tag in text.split(",")]
        for tag in tags:
            if message := tag_problem(tag):
                raise ValidationError({name: [message]})
        return tuple(dict.fromkeys(tags))
