"""What can be wrong with a request to change something. Forms and the REST dialects each put it in their own words."""

from collections.abc import Iterable

from proxy_engine.spec import Problem


class EntityInvalid(Exception):
    """The values may not be stored, or the entity may not go. Nothing was changed."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = list(problems)
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in self.problems))


class EditsInvalid(EntityInvalid):
    """Of many edits at once, some may not be made. ``refused`` tells them: kind, id, problems."""

    def __init__(self, refused: Iterable[tuple[str, str, list[Problem]]]):
        self.refused = list(refused)
        super().__init__(problem for _, _, problems in self.refused for problem in problems)


class EntityNotFound(Exception):
    def __init__(self, kind: str, key: object):
        self.kind, self.key = kind, key
        super().__init__(f"no entity of {kind} is called {key!r}")


class EntityChanged(Exception):
    """Somebody else was faster: ``version`` is the entity's newest, above the one the caller had seen."""

    def __init__(self, kind: str, key: object, version: int):
        self.kind, self.key, self.version = kind, key, version
        super().__init__(f"{kind} {key} was changed meanwhile (version {version})")
